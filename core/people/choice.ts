import type { RolloutView } from '../rollout/view.ts';
import { NEEDS, type Role } from './access.ts';
import type { Paged } from './notice.ts';
import { COMMANDING } from './slack-button.ts';

/** Every command that is offered to people. */
export const CHOICES = [...COMMANDING, 'retry', 'rollback'] as const;

/** Something that a person can order of a rollout now, and exactly what that will do. */
export interface Choice {
  command: (typeof CHOICES)[number];
  label: string;
  does: string;
  style?: 'danger' | 'primary' | undefined;
  /** The role that it takes. */
  needs: Role;
  /** True if a reason goes with it. */
  hasReason?: true | undefined;
  /** Of `promote`: the step that it goes past, from 0. */
  step?: number | undefined;
  /** Of `approve` and `reject`: the weight that the gate is before. */
  gate?: number | undefined;
  /** Of `acknowledge`: what somebody was paged for. */
  page?: string | undefined;
}

/** What people can order now, in the order in which it is offered; `weight` is the canary's share. */
export function choicesOf(view: RolloutView, weight: number, paged?: Paged): Choice[] {
  const { outcome, step } = view;
  if (outcome !== undefined) return [...afterwards(view), ...acknowledging(paged)];
  const open = view.gates.find(({ until }) => until !== undefined);
  const gate = open?.before;
  return [
    choice('abort', 'Abort', `Traffic goes back to ${stableOf(view)} at once.`, {
      style: 'danger',
      hasReason: true,
    }),
    view.isPaused
      ? choice('resume', 'Resume', 'The rollout goes on from where it is.')
      : choice('pause', 'Pause', 'Traffic stays as it is until somebody resumes it.', { hasReason: true }),
    ...(step >= 0 && weight < 100
      ? [
          choice(
            'promote',
            'Promote',
            `It goes past step ${step + 1} without waiting for evidence${gated(view)}.`,
            {
              step,
            },
          ),
        ]
      : []),
    ...(gate === undefined
      ? []
      : [
          choice('approve', 'Approve', `The gate before ${gate} % gets your approval.`, {
            style: 'primary',
            gate,
          }),
          choice(
            'reject',
            'Reject',
            open?.reject === 'ends'
              ? `The release is reverted: traffic goes back to ${stableOf(view)} at once.`
              : 'The rollout is paused where it is until a person decides.',
            {
              style: 'danger',
              hasReason: true,
              gate,
            },
          ),
        ]),
    ...acknowledging(paged),
  ];
}

/** What a promotion still waits for: no gate is passed by one. */
function gated({ gates, plan: { steps }, step }: RolloutView): string {
  const next = steps[step + 1]?.weight ?? 100;
  const gate = gates.find(({ before, missing }) => before <= next && missing > 0);
  return gate === undefined ? '' : `, but waits for approval before ${gate.before} %`;
}

/** The version that a rollout goes back to, in a sentence. */
const stableOf = ({ targets }: Pick<RolloutView, 'targets'>): string =>
  `version ${[...new Set(targets.map((each) => each.stable))].join(' and ')}`;

function afterwards({ outcome, opening }: RolloutView): Choice[] {
  const { release } = opening;
  if (outcome === 'completed')
    return [
      choice(
        'rollback',
        'Roll back',
        `The newest older release that was good serves at once, and ${release} is quarantined.`,
        { style: 'danger', hasReason: true },
      ),
    ];
  return outcome === 'reverted' || outcome === 'refused'
    ? [choice('retry', 'Retry', `The quarantine of ${release} is lifted, and it is rolled out once more.`)]
    : [];
}

const acknowledging = (paged: Paged | undefined): Choice[] =>
  paged === undefined || paged.acknowledgedBy !== undefined
    ? []
    : [choice('acknowledge', 'Acknowledge', 'The page is not repeated.', { page: paged.key })];

const choice = (
  command: Choice['command'],
  label: string,
  does: string,
  more: Partial<Choice> = {},
): Choice => ({ command, label, does, needs: NEEDS[command], ...more });
