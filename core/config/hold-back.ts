import * as z from 'zod/mini';
import type { Step } from '../plan/plan.ts';
import { stepsAsWritten } from '../plan/strategies.ts';
import { bakeField, step } from '../plan/strategy.ts';
import { type Fault, strict, whole } from './check.ts';
import { acceptedSeconds } from './duration.ts';
import { own } from './plain.ts';

/** Past half of the traffic it is no rest any more that is held back. */
const PERCENT_MAX = 50;

/** What stays on the stable version for a last bake, as the control. */
export const holdBackField = strict({
  percent: z
    ._default(
      whole(
        1,
        PERCENT_MAX,
        () => `write how much stays on the stable version: a whole percent from 1 to ${PERCENT_MAX}, like 5.`,
      ),
      5,
    )
    .check(z.describe('What stays on the stable version: a whole percent from 1 to 50.')),
  bake: z._default(bakeField, '10m').check(z.describe('Least time of this step, from 1m to 7d.')),
}).check(
  z.describe(
    'A last step before promotion, in which a rest of the traffic stays on the stable version: at 100 % there is nothing to compare with.',
  ),
);

/** The steps with what is held back as the last of them. */
export function withHoldBack(steps: Step[], written: z.output<typeof holdBackField> | undefined): Step[] {
  if (written === undefined) return steps;
  return [...steps, step(100 - written.percent, acceptedSeconds(written.bake))];
}

/** Finds a hold-back that is no step up from the last one. */
export function holdBackFaults(file: unknown): Fault[] {
  const written = own(file, 'holdBack');
  const steps = stepsAsWritten(file);
  if (written === undefined || steps === undefined) return [];
  const last = steps.at(-1)?.weight;
  if (last === undefined)
    return [
      {
        path: ['holdBack'],
        message:
          'this strategy has no steps, so most users would meet the new version before anything is compared; write `steps` first.',
      },
    ];
  const percent = holdBackField.safeParse(written).data?.percent ?? 1;
  if (100 - percent > last) return [];
  return [
    {
      path: ['holdBack'],
      message: `the last step stands at ${last} % already, so nothing more would be held back; remove it, or that step.`,
    },
  ];
}
