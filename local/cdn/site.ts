import built from '../../edge/built.json' with { type: 'json' };
import { CACHING_DISABLED, CACHING_OPTIMIZED, ERROR_SECONDS } from './cache.ts';
import type { Distribution } from './cdn.ts';
import type { Origin } from './origins.ts';

/** What `sst/rollout-site.js` makes; a test holds the two together. */
const HEADERS = {
  'referrer-policy': 'strict-origin-when-cross-origin',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
};
/** Errors that are kept for no time. Others are, also without caching, and by their path alone: visitors of stable would be answered with errors of the release. */
const KEPT_FOR_NO_TIME = [403, 404, 500, 501, 502, 503, 504];

/** The distribution of one site, and of its API if it has one, with the functions of the edge as they are uploaded. */
export function siteDistribution(site: {
  files: Origin;
  layout: 'dir' | 'html' | 'spa';
  /** True if it has a page for what is missing; not together with an API, whose answers it would replace. */
  hasErrorPage?: boolean | undefined;
  /** Where the API answers, such as `/api/`, and the URLs of its two aliases. */
  api?: { path: string; live: Origin; candidate: Origin } | undefined;
}): Distribution {
  const { files, layout, api, hasErrorPage = false } = site;
  const settings = { LAYOUT: layout, ...(api === undefined ? {} : { API: api.path }) };
  const request = { code: built['viewer-request'], settings };
  const response = { code: built['viewer-response'], settings };
  return {
    behaviours: [
      ...(api === undefined
        ? []
        : [
            {
              ...{ path: `${api.path}*`, origin: 'live', methods: 'all' as const, request },
              ...{ cache: CACHING_DISABLED, forwards: 'all but host' as const, compresses: false },
            },
          ]),
      {
        ...{ path: '*', origin: 'files', methods: 'read', request, response },
        ...{ cache: CACHING_OPTIMIZED, forwards: 'nothing', compresses: true },
      },
    ],
    origins: { files, ...(api === undefined ? {} : { live: api.live, candidate: api.candidate }) },
    headers: HEADERS,
    ...(hasErrorPage ? { errorPage: { path: '/404.html', origin: 'files' } } : {}),
    errorSeconds: (status) => (KEPT_FOR_NO_TIME.includes(status) ? 0 : ERROR_SECONDS),
  };
}
