import { watchedAlarms } from '../core/analysis/alarms.ts';
import { HEARTBEAT_MS, needsHeartbeat } from '../core/analysis/arrival.ts';
import { foldedAfter } from '../core/analysis/fold.ts';
import { judge, type Reading, stretch } from '../core/analysis/judge.ts';
import { joined } from '../core/analysis/pairing.ts';
import type { Series } from '../core/analysis/types.ts';
import { readFor } from '../core/analysis/weights.ts';
import { readsBack } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import { askedAmong } from '../core/rollout/among.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { trialOf } from '../core/rollout/trial.ts';
import type { Instant } from '../core/units.ts';
import { within } from '../core/within.ts';
import { unread } from './observe.ts';
import { lookUpStables } from './pins.ts';
import type { Needs } from './ports.ts';
import { putProbes } from './probes.ts';
import { reconcileTargets } from './reconcile.ts';
import { recordJudgement } from './record.ts';

type Measures = 'alarms' | 'clock' | 'hooks' | 'journal' | 'metrics' | 'observer' | 'router';

/** One tick: the targets are read back, then metrics and alarms while the probes run, and the verdict is recorded for the version it was made for. */
export async function tick(rollout: Rollout, ports: Needs<Measures>): Promise<Rollout> {
  const began = ports.clock.now();
  const seen = await look(rollout, ports);
  if ('changed' in seen) return seen.changed;
  // What settles while this tick reads was not read.
  const at = ports.clock.now();
  const [found, probes] = await Promise.all([
    read(rollout, { at, until: began + READ_MS }, ports),
    putProbes(rollout, began, ports),
  ]);
  const reading = { ...found, probes, ...(seen.broken === undefined ? {} : { broken: seen.broken }) };
  const trial = trialOf(rollout);
  const verdict = judge(trial, reading, at);
  const folded = foldedAfter(trial, { ...reading, verdict }, at);
  const measured = {
    ...{ type: 'RecordMeasure' as const, verdict, alarms: reading.alarms },
    ...(probes === undefined ? {} : { probes }),
    ...(folded === undefined ? {} : { folded }),
  };
  return recordJudgement(rollout, measured, ports);
}

/** Reads the targets back: what they show may change the rollout; if they cannot be read, this tick is broken. If there is no room for it among many, a later tick does. */
async function look(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<{ changed: Rollout } | { broken?: string }> {
  if (!readsBack(rollout)) return {};
  try {
    const present = await reconcileTargets(rollout, ports);
    if (present.version !== rollout.version) return { changed: present };
    const known = await lookUpStables(present, ports);
    return known.version === rollout.version ? {} : { changed: known };
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    return error.isThrottled ? {} : { broken: error.message };
  }
}

/**
 * What cannot be read is a broken reading, not an error: a blind moment must not end a good release by itself. Each target
 * and the alarms are read on their own, since what one of them shows counts whatever became of the others.
 */
async function read(
  rollout: Rollout,
  { at, until }: { at: Instant; until: Instant },
  ports: Needs<'alarms' | 'clock' | 'metrics' | 'observer'>,
): Promise<Reading> {
  const { from, to } = stretch(rollout, at);
  const { rolloutId, targets, watch, limits, alarms } = rollout.opening;
  const attempt = <T>(what: string, reading: () => Promise<T>) =>
    answered(what, reading, { rolloutId, until }, ports);
  const [states, ...series] = await Promise.all([
    attempt('alarms', () => ports.alarms.read(alarms.map((alarm) => alarm.name))),
    ...targets.map((target) =>
      attempt(`metrics of ${target.name}`, () =>
        readAmong(askedAmong(rollout, from, to), (asked) =>
          ports.metrics.read(
            asked.among === undefined ? target : { ...target, among: asked.among },
            readFor(target, watch),
            asked.from,
            asked.to,
            limits,
          ),
        ),
      ),
    ),
  ]);
  const broken = series.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const known = series.map(({ value }) => value ?? {});
  const heartbeat = needsHeartbeat(trialOf(rollout), known, to)
    ? (await attempt('heartbeat of metrics', () => ports.metrics.heartbeat(to - HEARTBEAT_MS, to))).value
    : undefined;
  return {
    ...(heartbeat === undefined ? {} : { heartbeat }),
    series: Object.fromEntries(targets.map(({ name }, index) => [name, series[index]?.value ?? {}])),
    alarms: watchedAlarms(rollout, states.value, at),
    ...(broken.length > 0 ? { broken: [...new Set(broken)].join('; ') } : {}),
    ...(states.error === undefined ? {} : { alarmsBroken: states.error }),
  };
}

/** Each stretch is read of those who are compared in it. */
async function readAmong(
  stretches: ReturnType<typeof askedAmong>,
  read: (asked: (typeof stretches)[number]) => Promise<Series>,
): Promise<Series> {
  return joined(await Promise.all(stretches.map(read)));
}

/** How long into a tick metrics and alarms may be read: well under the function's 10 s, so that what comes late is a broken tick and not a death that reverts the canary. */
const READ_MS = 7_000;

async function answered<T>(
  what: string,
  reading: () => Promise<T>,
  { rolloutId, until }: { rolloutId: string; until: Instant },
  ports: Needs<'clock' | 'observer'>,
): Promise<{ value?: T; error?: string }> {
  const late = (): never => {
    const why = `no answer to the read of ${what} came in the first ${READ_MS / 1000} s of the tick`;
    throw new RolloutError('Unavailable', why);
  };
  try {
    return { value: await within(until - ports.clock.now(), reading, late, ports) };
  } catch (error) {
    unread(rolloutId, what, error, ports);
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
