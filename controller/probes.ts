import { NO_PROBES } from '../core/analysis/probe-counts.ts';
import type { ProbeCounts } from '../core/analysis/types.ts';
import type { Hook } from '../core/rollout/event.ts';
import { probesDue } from '../core/rollout/probing.ts';
import { questionOf } from '../core/rollout/question.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import type { Instant } from '../core/units.ts';
import { within } from '../core/within.ts';
import type { Needs } from './ports.ts';

/** No pair is begun later than this into a tick, and none is waited for longer: a tick must end well within the function's 10 s. */
const BEGIN_MS = 3_000;
const ANSWER_MS = 3_000;

/** Outcome of one probe; `broken` if it could not be run. */
type Result = { status: 'pass' | 'fail' | 'broken'; reason: string };

/** Runs the probes that are due now, pair after pair, so that never more than one request meets each version; answers their outcomes, by target. `began`: when the tick did. */
export async function putProbes(
  rollout: Rollout,
  began: Instant,
  ports: Needs<'clock' | 'hooks'>,
): Promise<Record<string, ProbeCounts> | undefined> {
  const until = began + BEGIN_MS;
  if (ports.clock.now() >= until) return undefined;
  const due = rollout.opening.targets.flatMap((target) => {
    const hooks = probesDue(rollout, target.name, began);
    return hooks.length === 0 ? [] : [{ target, hooks }];
  });
  if (due.length === 0) return undefined;
  const counted = due.map(async ({ target, hooks }) => {
    let counts: ProbeCounts = { ...NO_PROBES, ticks: 1 };
    for (const hook of hooks) {
      if (ports.clock.now() >= until) break;
      counts = await pair(counts, rollout, { target, hook }, ports);
    }
    return [target.name, counts] as const;
  });
  return Object.fromEntries(await Promise.all(counted));
}

/** Both at once: what happens to the world at this moment happens to both. */
async function pair(
  before: ProbeCounts,
  rollout: Rollout,
  { target, hook }: { target: Target; hook: Hook },
  ports: Needs<'clock' | 'hooks'>,
): Promise<ProbeCounts> {
  const [canary, stable] = await Promise.all([
    probe(rollout, hook, target.canary, ports),
    probe(rollout, hook, target.stable, ports),
  ]);
  const broken = [canary, stable].find(({ status }) => status === 'broken');
  if (broken !== undefined) return { ...before, skipped: before.skipped + 1, skippedWhy: broken.reason };
  const [isCanaryBad, isStableBad] = [canary.status === 'fail', stable.status === 'fail'];
  return {
    ...before,
    pairs: before.pairs + 1,
    canary: before.canary + Number(isCanaryBad),
    stable: before.stable + Number(isStableBad),
    both: before.both + Number(isCanaryBad && isStableBad),
    ...(isCanaryBad ? { failure: canary.reason } : {}),
  };
}

/** An answer that does not come is as bad as a wrong one: nobody could tell a version that hangs otherwise. */
async function probe(
  rollout: Rollout,
  hook: Hook,
  version: string,
  { clock, hooks }: Needs<'clock' | 'hooks'>,
): Promise<Result> {
  const question = questionOf(rollout, `probe.${hook.id}`, hook);
  const asked = { ...question, target: { ...question.target, canary: version } };
  const put = async (signal: AbortSignal) => resultFrom(await hooks(hook.kind).ask(asked, signal));
  const late = (): Result => ({ status: 'fail', reason: `it did not answer within ${ANSWER_MS / 1000} s` });
  return within(ANSWER_MS, put, late, { clock });
}

function resultFrom({ status, reason }: { status: string; reason: string }): Result {
  return { status: status === 'pass' || status === 'fail' ? status : 'broken', reason };
}
