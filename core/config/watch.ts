import * as z from 'zod';
import { METRICS, type WatchRule } from '../analysis/types.ts';
import { ALWAYS, strict } from './check.ts';
import { isMap } from './plain.ts';

const TOLERANCE = /^(?:(\d{1,4}(?:\.\d{1,4})?)x|(\d{1,3}(?:\.\d{1,4})?)%)$/;

/** What is tolerated where the file says nothing: half as many again as the stable version. */
const TOLERANCE_DEFAULT = '1.5x';

type Tolerance = { ratio: number } | { share: number };

const error = ({ input }: { input?: unknown }) =>
  typeof input === 'number'
    ? `a tolerance needs its sign; write \`${input}x\` for a ratio to the stable version or \`${input}%\` for a share of requests.`
    : 'write a ratio to the stable version of at least `1x`, like `1.5x`, or a share of requests above 0 % and below 100 %, like `0.5%`.';

const tolerance = (description: string) =>
  z
    .string({ error })
    .regex(TOLERANCE, { error })
    .refine((text) => !TOLERANCE.test(text) || toleranceFrom(text) !== undefined, { error })
    .optional()
    .describe(description);

/** What the canary is measured by. */
export const watchField = strict({
  errors: tolerance('Tolerated errors of the function (it threw or timed out): `1.5x` or `0.5%`.'),
  http5xx: tolerance('Tolerated answers with a status of 500 to 599: `1.5x` or `0.5%`.'),
})
  .superRefine((value, context) => {
    if (!isMap(value) || Object.keys(value).length > 0) return;
    context.addIssue({
      code: 'custom',
      message: `write at least one of ${METRICS.join(', ')}, or leave \`watch\` out.`,
    });
  }, ALWAYS)
  .describe(
    'What is measured on both versions, and how much worse the new one may be. Default: errors 1.5x, and http5xx 1.5x where the source is http.',
  );

/** The rules of an accepted `watch`; where the file has none, what its sources can be measured by. */
export function watchRulesFrom(
  written: z.output<typeof watchField> | undefined,
  hasHttp: boolean,
): WatchRule[] {
  const assumed = hasHttp
    ? { errors: TOLERANCE_DEFAULT, http5xx: TOLERANCE_DEFAULT }
    : { errors: TOLERANCE_DEFAULT };
  const tolerances: z.output<typeof watchField> = written ?? assumed;
  return METRICS.flatMap((metric) => {
    const tolerated = toleranceFrom(tolerances[metric]);
    return tolerated === undefined ? [] : [{ metric, ...tolerated }];
  });
}

function toleranceFrom(text: string | undefined): Tolerance | undefined {
  const [, x, percent] = TOLERANCE.exec(text ?? '') ?? [];
  if (x !== undefined) return Number(x) >= 1 ? { ratio: Number(x) } : undefined;
  const share = Number(percent ?? 0) / 100;
  return share > 0 && share < 1 ? { share } : undefined;
}
