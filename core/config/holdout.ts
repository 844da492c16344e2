import * as z from 'zod/mini';
import type { Plan } from '../plan/plan.ts';
import { stepsAsWritten } from '../plan/strategies.ts';
import { type Fault, type Says, whole } from './check.ts';
import { secondsFrom } from './duration.ts';
import { oneOf } from './nearest.ts';
import { own, word } from './plain.ts';

/** If more than half of the traffic stays on stable, the plan has not reached most users. */
const HOLDOUT_MAX = 50;

const holdoutSays: Says = () =>
  `write the percent of the traffic that stays on the stable version during most of \`verify\`, as a whole number from 1 to ${HOLDOUT_MAX} without a sign, like \`holdout: 5\`, or 0 for none.`;

/** What stays on the stable version during most of `verify`. */
export const holdoutField = whole(0, HOLDOUT_MAX, holdoutSays).check(
  z.describe(
    'Percent of the traffic that stays on the stable version during most of `verify`, as a control: a whole number from 1 to 50, or 0 for none. If absent, 5, 10 or 25: the smallest at which a release that fails 5 % more of its requests is found within two minutes, by the traffic of the last quarter of an hour.',
  ),
);

const RECALL = ['on', 'off'] as const;

const recallSays: Says = ({ input }) =>
  typeof input === 'boolean'
    ? `write the word \`${input ? 'on' : 'off'}\`, as a text.`
    : oneOf(word(input), RECALL);

/** Whether doubt may lower the canary's weight for a while. */
export const recallField = z
  .enum(RECALL, { error: recallSays })
  .check(
    z.describe(
      'Whether doubt during `verify` lowers the weight of the canary for some minutes, so that stable beside it decides: `on` (default) or `off`.',
    ),
  );

/** What to write in place of a key of earlier versions. */
export const HOLD_BACK_WAS =
  'was replaced by `holdout`: write the percent alone, like `holdout: 5`; it stays on stable for four fifths of `verify`, which replaces `bake`.';

/** Finds a holdout that can never be: beside no step, in no time, or larger than what the last step leaves. */
export function holdoutFaults(file: Record<string, unknown>): Fault[] {
  const percent = own(file, 'holdout');
  if (typeof percent !== 'number' || !holdoutField.safeParse(percent).success || percent === 0) return [];
  const fault = (message: string) => [{ path: ['holdout'], message }];
  const steps = stepsAsWritten(file);
  const last = steps?.at(-1)?.weight;
  if (steps !== undefined && last === undefined)
    return fault(
      'this strategy goes to 100 % in one step, so nothing can stay on the stable version; write `steps` instead of it, or remove `holdout`.',
    );
  if (secondsFrom(word(own(file, 'verify'))) === 0)
    return fault('the holdout is part of `verify`, which is 0s; write `verify: 10m`, or remove `holdout`.');
  if (last !== undefined && last > 100 - percent)
    return fault(
      `the last step is at ${last} %, which leaves ${100 - last} % on the stable version; write \`holdout: ${100 - last}\`, or lower the weight of that step to ${100 - percent} or less.`,
    );
  return [];
}

/** What is possible and weak in how an accepted file verifies, in the words of a notice. */
export function holdoutNotices(
  { holdout, recall }: { holdout?: number | undefined; recall?: string | undefined },
  { steps, verifySeconds }: Pick<Plan, 'steps' | 'verifySeconds'>,
): string[] {
  const isControlled = steps.length > 0 && holdout !== 0;
  if (verifySeconds === 0 || (isControlled && recall !== 'off')) return [];
  if (recall === 'off')
    return [
      isControlled
        ? '`recall: off`: if doubt arises during verify, the canary keeps its weight and a person is paged after an hour, because its weight is not lowered for a comparison'
        : '`recall: off` without a holdout: nothing is compared with stable during verify, so a bad release is found by alarms, hooks, probes and limits, or by six minutes in a row that are worse than all of the day before; remove `recall: off`, or write `steps` and `holdout: 5`',
    ];
  return steps.length === 0
    ? []
    : [
        '`holdout: 0`: nothing is compared with stable during verify unless doubt recalls the canary; remove it, or write `holdout: 5`',
      ];
}
