import { type CountsVisits, countVisit } from '../controller/count-visit.ts';
import { RolloutError } from '../core/errors.ts';
import { networkOf, reportLimits } from '../core/site/report.ts';
import { aws } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { visits } from './_observe.ts';
import { liveSitesOn } from './_ports.ts';
import { type UrlAnswer, UrlEvent } from './_url.ts';

/** What everybody is answered, so that nobody learns what counts. */
const NOTHING: UrlAnswer = {
  ...{ statusCode: 204, headers: { 'cache-control': 'no-store' }, cookies: [] },
  ...{ body: '', isBase64Encoded: false },
};

/** Takes what pages of sites report of their visitors. Anybody may call it, so nothing that it is called with opens a metric or a store of its own. */
export const beacon: Task<UrlEvent, UrlAnswer, CountsVisits> = {
  input: UrlEvent,
  async run({ headers = {}, cookies = [], body = '', isBase64Encoded }, ports) {
    const sent = {
      site: headers['x-spillway-site'] ?? '',
      key: headers['x-spillway-key'] ?? '',
      cookies: Object.fromEntries(cookies.map(pairOf)),
      headers,
      address: networkOf(headers['cloudfront-viewer-address'] ?? ''),
      text: isBase64Encoded ? Buffer.from(body, 'base64').toString() : body,
    };
    try {
      await countVisit(sent, ports);
    } catch (error) {
      // A report that cannot be judged now is none: silence is handled where counts are read.
      if (!RolloutError.is(error, 'Unavailable')) throw error;
    }
    return NOTHING;
  },
};

function pairOf(cookie: string): [name: string, value: string] {
  const at = cookie.indexOf('=');
  return at < 0 ? [cookie, ''] : [cookie.slice(0, at), cookie.slice(at + 1)];
}

/** The function on AWS. A line of its log for each report would cost more than the report. */
export const handler = lambda(
  beacon,
  () => ({ clock: aws.clock, liveSites: liveSitesOn(aws), visits, reportLimits: reportLimits() }),
  { isQuiet: true },
);
