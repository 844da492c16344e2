import { wholeRollout } from '../../client/whole-rollout.ts';
import type { Count, Finding, Verdict } from '../../core/analysis/types.ts';
import { type Explanation, explanationOf, shareOf } from '../../core/people/explanation.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { outlineText } from '../../core/rollout/outline.ts';
import type { RolloutView } from '../../core/rollout/view.ts';
import { counted, number, percent } from '../../core/words.ts';
import { clientFrom, rolloutIdFrom } from '../arguments.ts';
import type { EXPLAIN, GivenTo } from '../calls.ts';
import { say, sayJson } from '../print.ts';
import { standingOf } from '../standing.ts';
import { unknownRollout } from '../unknown.ts';

/** Says what decided a rollout, or speaks most against it now. */
export async function explain({ args, options }: GivenTo<typeof EXPLAIN>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const client = await clientFrom(options);
  const { view, events } = await wholeRollout(client, rolloutId);
  if (view === undefined) throw await unknownRollout(client, rolloutId);
  const why = explanationOf(events, view.verdict);
  if (options.json) sayJson({ rolloutId, outcome: view.outcome, reason: view.reason, ...why });
  else for (const line of linesOf(view, events, why)) say(line);
  return 0;
}

/** A raise forgets the verdict of the step before it, which was no less measured. */
const withoutVerdict = (events: readonly RolloutEvent[]) =>
  events.some(({ type }) => type === 'Measured')
    ? 'Nothing was measured at this weight yet.'
    : 'Nothing was measured: no verdict is behind this.';

function linesOf(
  view: RolloutView,
  events: readonly RolloutEvent[],
  { verdict, decisive, others, shares }: Explanation,
): string[] {
  const { commit, author } = view.opening;
  const made = [commit && `commit ${commit}`, author && `by ${author}`].filter(Boolean).join(' ');
  return [
    outlineText(view),
    '',
    ...standingOf(view, events),
    '',
    ...view.targets.map(
      ({ name, noun, canary, stable }) =>
        `${name}: ${noun}: version ${stable} → ${canary || 'one that is published first'}`,
    ),
    ...(made === '' ? [] : [made]),
    ...(verdict === undefined || decisive === undefined
      ? ['', verdict?.reason ?? withoutVerdict(events)]
      : [
          '',
          `${SIGNS[verdict.status] ?? ''} ${verdict.reason}`,
          '',
          ...sides(decisive, view),
          ...picture(shares),
          ...evidence(verdict),
        ]),
    ...ruledOut(others),
    ...(view.unproven.length === 0 ? [] : ['', `Not proven: ${view.unproven.join('; ')}`]),
  ];
}

/** One column wide in every terminal. */
const SIGNS: Record<string, string> = { fail: '✖', suspect: '⚠', pass: '✔', inconclusive: '–', broken: '–' };

function sides({ target, metric, canary, stable, status }: Finding, { outcome }: RolloutView): string[] {
  const row = (side: string, count: Count) =>
    `  ${side.padEnd(8)}${number(count.bad).padStart(10)} of ${number(count.total).padStart(12)}  ${shareText(shareOf(count))}`;
  const weighs =
    status === 'fail'
      ? 'what decided'
      : outcome === undefined
        ? 'what speaks most against the canary, or is missing most'
        : 'what spoke most against the canary';
  return [`${target} ${metric}, ${weighs}:`, row('canary', canary), row('stable', stable)];
}

const shareText = (share: number | undefined) => (share === undefined ? 'nothing counted' : percent(share));

const EIGHTHS = '▁▂▃▄▅▆▇█';
const POINTS_MAX = 40;

/** The shares of both sides over time on one scale. */
function picture(shares: Explanation['shares']): string[] {
  const shown = shares.slice(-POINTS_MAX);
  const most = Math.max(...shown.flatMap(({ canary = 0, stable = 0 }) => [canary, stable]), 0);
  if (shown.length < 2 || most === 0) return [];
  const bar = (share: number | undefined) =>
    share === undefined ? ' ' : EIGHTHS[Math.round((share / most) * (EIGHTHS.length - 1))];
  return [
    `  canary  ${shown.map(({ canary }) => bar(canary)).join('')}  0 to ${percent(most)} at ${counted(shown.length, 'measuring')}`,
    `  stable  ${shown.map(({ stable }) => bar(stable)).join('')}`,
  ];
}

const WIDTH = 20;

/** All evidence against the canary as a bar, whose end is what reverts. */
function evidence({ evidence: found, limit }: Verdict): string[] {
  if (found === undefined || limit === undefined) return [];
  const filled = Math.max(0, Math.min(WIDTH, Math.round((found / limit) * WIDTH)));
  return [`  evidence ${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}| reverts at the bar`];
}

function ruledOut(others: Finding[]): string[] {
  if (others.length === 0) return [];
  return [
    '',
    'What else was looked at:',
    ...others.map(
      ({ target, metric, status, canary, stable }) =>
        `  ${SIGNS[status] ?? ''} ${target} ${metric}: ${shareText(shareOf(canary))} of the canary, ${shareText(shareOf(stable))} of stable`,
    ),
  ];
}
