import * as z from 'zod/mini';
import { METRIC_NAMES, METRICS, type MetricName, metricsWith } from '../analysis/metrics.ts';
import type { WatchRule } from '../analysis/types.ts';
import { between, type Fault, rule, type Says, strict, textLike } from './check.ts';
import { isMap, own } from './plain.ts';

const TOLERANCE = /^(?:(\d{1,4}(?:\.\d{1,4})?)x|(\d{1,3}(?:\.\d{1,4})?)%)$/;

/** What is tolerated if the file says nothing: half as many again as the stable version. */
const TOLERANCE_DEFAULT = '1.5x';

type Tolerance = { ratio: number } | { share: number };

const error = ({ input }: { input?: unknown }) =>
  typeof input === 'number'
    ? `a tolerance needs its sign; write \`${input}x\` for a ratio to the stable version or \`${input}%\` for a share of requests.`
    : 'write a ratio to the stable version of at least `1x`, like `1.5x`, or a share of requests above 0 % and below 100 %, like `0.5%`.';

const tolerance = (description: string) =>
  z
    .optional(
      textLike(TOLERANCE, error).check(
        z.refine((text) => !TOLERANCE.test(text) || toleranceFrom(text) !== undefined, { error }),
      ),
    )
    .check(z.describe(description));

/** Metrics that are an odds ratio or share of bad requests, and the percentiles of duration, which are a ratio of times. */
const PERCENTILES = ['p50', 'p75', 'p90', 'p95', 'p99'] as const;

const slowSays: Says = ({ input }) =>
  `write how many times stable's duration is tolerated, at least \`1x\`, like \`1.25x\`${typeof input === 'number' ? `; \`${input}x\` has its sign` : ''}.`;

const slowdown = (description: string) =>
  z
    .optional(
      z
        .string({ error: slowSays })
        .check(z.refine((text) => isRatio(toleranceFrom(text)), { error: slowSays })),
    )
    .check(z.describe(description));

const slowOver = (percentile: (typeof PERCENTILES)[number]) =>
  slowdown(
    `Tolerated duration of the slow requests alone (those over stable's own ${percentile} before the raise): \`1.25x\`. Slower to see than \`latency\`.`,
  );

const metricSays: Says = () =>
  'write the namespace and the name of a CloudWatch metric with a slash between them, like `Shop/FailedPayments`.';

const metricField = textLike(/^[\w.\-/#:]{1,255}\/[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}/]{1,255}$/u, metricSays);

const CUSTOM_NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;

/** The name of a dimension. */
const DIMENSION = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}:][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{0,254}$/u;

const dimensionSays: Says = () =>
  'write the name of the dimension that holds the version: 1 to 255 characters.';

const CUSTOM_MAX = 10;

/** Of the 30 dimensions that a metric of CloudWatch can have (CloudWatch API reference, "Dimension"); three may say which version it is. */
const DIMENSIONS_MAX = 20;

const LOST = /^\d{1,2}(?:\.\d{1,4})?%$/;
const LOST_MOST = 0.5;

const lostSays: Says = () =>
  `write a share of the good ones above 0 % and up to ${LOST_MOST * 100} %, like \`5%\`.`;

const lostField = textLike(LOST, lostSays).check(
  z.refine((text) => !LOST.test(text) || (lostFrom(text) > 0 && lostFrom(text) <= LOST_MOST), {
    error: lostSays,
  }),
);

const dimensionValueSays: Says = () =>
  'write the value of the dimension as text of 1 to 255 characters, without spaces at its ends.';

const dimensionsField = z
  .record(z.string(), textLike(/^(?=\S)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,255}(?<=\S)$/u, dimensionValueSays), {
    error: () => 'write a map of names to values here, like `{ Stage: prod }`.',
  })
  .check(
    rule(dimensionsFaults),
    z.meta({ propertyNames: { pattern: DIMENSION.source } }),
    z.describe(
      'Further dimensions of both metrics, with values that are the same for each version: `{ Stage: prod }`.',
    ),
  );

const customField = z
  .record(
    z.string(),
    strict({
      bad: metricField.check(
        z.describe('Metric that counts what went wrong, summed over a minute: `Namespace/Name`.'),
      ),
      total: metricField.check(
        z.describe('Metric that counts everything, what went wrong included: `Namespace/Name`.'),
      ),
      tolerate: tolerance(
        'How many of them may be bad: `1.5x` stable or `0.5%`. If more than a fifth is bad on stable, `1.5x` allows the canary to lose a tenth of the good ones.',
      ),
      lost: z
        .optional(lostField)
        .check(
          z.describe(
            'The part of the good ones that the canary may lose, if that is less than `tolerate` allows: `5%`.',
          ),
        ),
      dimensions: z.optional(dimensionsField),
      versionDimension: z
        .optional(textLike(DIMENSION, dimensionSays))
        .check(
          z.describe(
            'The dimension of both metrics that holds the version; FunctionName, Resource and ExecutedVersion if it is absent.',
          ),
        ),
    }),
    { error: () => 'write a map of names to `{ bad, total }` here.' },
  )
  .check(
    rule(customFaults),
    z.meta({ propertyNames: { pattern: CUSTOM_NAME.source } }),
    z.describe('Counts of your own, such as orders that failed.'),
  );

const ALPHA_LEAST = 0.001;
const ALPHA_MOST = 0.05;

const alphaSays: Says = () =>
  `write a probability from ${ALPHA_LEAST} to ${ALPHA_MOST}, like \`0.01\`: how often a good release may be reverted.`;

const KNOWN = [...METRIC_NAMES, 'latency', ...PERCENTILES] as const;

const metricFields = Object.fromEntries(
  METRIC_NAMES.map((name) => [
    name,
    tolerance(`Tolerated ${METRICS[name].tolerated}: \`1.5x\` or \`0.5%\`.`),
  ]),
) as Record<MetricName, ReturnType<typeof tolerance>>;

/** What the canary is measured by. */
export const watchField = strict({
  ...metricFields,
  latency: slowdown(
    'Tolerated duration of the requests, fast ones and slow ones alike: `1.25x` stable. Needs withSpillway.',
  ),
  p50: slowOver('p50'),
  p75: slowOver('p75'),
  p90: slowOver('p90'),
  p95: slowOver('p95'),
  p99: slowOver('p99'),
  custom: z.optional(customField),
  alpha: z
    .optional(between(ALPHA_LEAST, ALPHA_MOST, alphaSays))
    .check(
      z.describe(
        'Probability, over the whole rollout, of reverting a release that is within these rules: from 0.001 to 0.05; 0.01 if it is absent.',
      ),
    ),
  promoteEarly: z
    .optional(z.boolean({ error: () => 'write true or false.' }))
    .check(
      z.describe('Whether a step that is proven safe is left before its bake ends; false if it is absent.'),
    ),
}).check(
  rule(emptyFaults),
  z.describe(
    'What is measured on both versions, and how much worse the new one may be. Default: errors 1.5x and throttles 1.5x, and http5xx 1.5x and http4xx 1.5x if the source is http.',
  ),
);
type Written = z.output<typeof watchField>;

/** The rules of an accepted `watch`; if the file has none, what its sources can be measured by. */
export function watchRulesFrom(written: Written | undefined, hasHttp: boolean): WatchRule[] {
  const rules = rulesFrom(written ?? {});
  if (rules.length > 0) return rules;
  const assumed = metricsWith(({ isAssumed, needs }) => isAssumed && (needs === undefined || hasHttp));
  return rulesFrom(Object.fromEntries(assumed.map((name) => [name, TOLERANCE_DEFAULT])));
}

/** What a plan takes from `watch`: how sure a revert must be, and whether proof of safety ends a bake. */
export function evidencePlanFrom(written: Written | undefined): {
  alpha?: number | undefined;
  promoteEarly?: boolean | undefined;
} {
  const { alpha, promoteEarly } = written ?? {};
  return {
    ...(alpha === undefined ? {} : { alpha }),
    ...(promoteEarly === undefined ? {} : { promoteEarly }),
  };
}

function customFaults(value: unknown): Fault[] {
  const names = isMap(value) ? Object.keys(value) : [];
  const countsOf = (name: string) => {
    const counts = isMap(value) ? own(value, name) : undefined;
    return isMap(counts) ? [own(counts, 'bad'), own(counts, 'total')] : [];
  };
  const message = 'name it with 1 to 40 letters, digits and hyphens, like `failed-payments`.';
  return [
    ...(names.length > CUSTOM_MAX ? [{ path: [], message: `write at most ${CUSTOM_MAX} of them.` }] : []),
    ...names.filter((name) => !CUSTOM_NAME.test(name)).map((name) => ({ path: [name], message })),
    ...names.flatMap((name) =>
      contraryFaults(isMap(value) ? own(value, name) : undefined).map(({ path, message }) => ({
        path: [name, ...path],
        message,
      })),
    ),
    ...names.flatMap((name, nth) => {
      const [bad, total] = countsOf(name);
      const contrary = names.slice(0, nth).find((other) => {
        const [otherBad, otherTotal] = countsOf(other);
        return bad !== undefined && bad === otherTotal && total === otherBad;
      });
      if (bad !== undefined && bad === total)
        return [
          {
            path: [name, 'bad'],
            message: `this is the metric of \`total\` as well, so every request would be bad; write the metric that counts what went wrong as \`bad\`, and the one that counts everything as \`total\`.`,
          },
        ];
      return contrary === undefined
        ? []
        : [
            {
              path: [name],
              message: `these are the two metrics of \`${contrary}\` the other way round; \`bad\` counts what went wrong and \`total\` everything: correct one of the rules, or remove it.`,
            },
          ];
    }),
  ];
}

/** The three that say which version is counted. */
const VERSION_DIMENSIONS = ['FunctionName', 'Resource', 'ExecutedVersion'];

function dimensionsFaults(value: unknown): Fault[] {
  const names = isMap(value) ? Object.keys(value) : [];
  return [
    ...(names.length > DIMENSIONS_MAX
      ? [{ path: [], message: `write at most ${DIMENSIONS_MAX} of them.` }]
      : []),
    ...names
      .filter((name) => !DIMENSION.test(name))
      .map((name) => ({
        path: [name],
        message: 'name it with 1 to 255 characters, of which the first is no colon.',
      })),
  ];
}

/** Finds what the fields of one rule say against each other. */
function contraryFaults(value: unknown): Fault[] {
  if (!isMap(value)) return [];
  const tolerated = own(value, 'tolerate');
  const isShare = typeof tolerated === 'string' && tolerated.endsWith('%');
  const version = own(value, 'versionDimension');
  const taken = typeof version === 'string' ? [version] : VERSION_DIMENSIONS;
  const dimensions = own(value, 'dimensions');
  const twice = isMap(dimensions) ? Object.keys(dimensions).filter((name) => taken.includes(name)) : [];
  return [
    ...(isShare && own(value, 'lost') !== undefined
      ? [
          {
            path: ['lost'],
            message: 'it is compared with stable, and a share in `tolerate` is not; remove one of them.',
          },
        ]
      : []),
    ...twice.map((name) => ({
      path: ['dimensions', name],
      message: 'this dimension says which version is counted, so it has no fixed value; remove it.',
    })),
  ];
}

/** Finds a `watch` that names nothing to measure, and says nothing else either. */
function emptyFaults(value: unknown): Fault[] {
  if (!isMap(value) || KNOWN.some((name) => own(value, name) !== undefined)) return [];
  const custom = own(value, 'custom');
  if (isMap(custom) && Object.keys(custom).length > 0) return [];
  if (Object.keys(value).some((name) => name === 'alpha' || name === 'promoteEarly')) return [];
  const message = `write at least one of ${[...KNOWN, 'custom'].join(', ')}, or leave \`watch\` out.`;
  return [{ path: [], message }];
}

function rulesFrom({ custom = {}, ...written }: Written): WatchRule[] {
  const known = KNOWN.flatMap((metric) => {
    const tolerated = toleranceFrom(written[metric]);
    return tolerated === undefined ? [] : [{ metric, ...tolerated }];
  });
  const own = Object.entries(custom).flatMap(([name, { bad, total, tolerate, lost, ...where }]) => {
    const tolerated = toleranceFrom(tolerate ?? TOLERANCE_DEFAULT);
    const counts = { bad: metricNameFrom(bad), total: metricNameFrom(total), ...where };
    return tolerated === undefined
      ? []
      : [
          {
            ...{ metric: `custom.${name}` as const, ...tolerated },
            ...(lost === undefined ? {} : { lost: lostFrom(lost) }),
            custom: counts,
          },
        ];
  });
  return [...known, ...own];
}

function metricNameFrom(text: string): { namespace: string; name: string } {
  const slash = text.lastIndexOf('/');
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

const lostFrom = (text: string): number => Number(text.slice(0, -1)) / 100;

const isRatio = (tolerance: Tolerance | undefined) => tolerance !== undefined && 'ratio' in tolerance;

function toleranceFrom(text: string | undefined): Tolerance | undefined {
  const [, x, percent] = TOLERANCE.exec(text ?? '') ?? [];
  if (x !== undefined) return Number(x) >= 1 ? { ratio: Number(x) } : undefined;
  const share = Number(percent ?? 0) / 100;
  return share > 0 && share < 1 ? { share } : undefined;
}
