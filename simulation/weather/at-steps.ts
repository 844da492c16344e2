import type { MovedWindow } from '../../core/analysis/evalue.ts';
import { ALPHA, evidenceOfRatio, type Question } from '../../core/analysis/evidence.ts';
import { plannedWindows, questionOf } from '../../core/analysis/finding/asked.ts';
import { foldedAfter } from '../../core/analysis/fold.ts';
import { judge, stretch } from '../../core/analysis/judge.ts';
import { partsOf } from '../../core/analysis/parts.ts';
import { isSettling, SETTLING_STAKE, settleOdds, stableBefore } from '../../core/analysis/settling.ts';
import { PAST_MS } from '../../core/analysis/silence.ts';
import type { Window } from '../../core/analysis/types.ts';
import { weightsOf } from '../../core/analysis/weights.ts';
import { HISTORY_MS } from '../../core/analysis/windows.ts';
import { manifestFrom } from '../../core/config/manifest.ts';
import { type Command, decide } from '../../core/rollout/decide.ts';
import { next } from '../../core/rollout/next.ts';
import { open } from '../../core/rollout/open.ts';
import { evolve, type Rollout } from '../../core/rollout/state.ts';
import { trialOf } from '../../core/rollout/trial.ts';
import type { Source } from '../../core/target.ts';
import { type Instant, type Percent, WINDOW_MS } from '../../core/units.ts';
import { type Random, seededRandom } from '../../local/random.ts';
import { KINDS } from '../../targets/kinds.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import type { Watcher } from './peers.ts';

/** One minute of both versions, and the weight that was set, 0 to 1. */
export type Minute = MovedWindow & { weight: number };

/** A weight that the traffic moves to so many minutes after the first raise; 0 is just before the first minute. */
export interface Move {
  minute: number;
  weight: Percent;
}

/** A canary at the steps of its plan. */
export interface AtSteps {
  requestsPerSecond: number;
  /** Share of requests that fail on stable. */
  stable: number;
  /** Tolerated odds ratio of the rule for `errors`. */
  ratio: number;
  /** True if events are retried, so that three failures may share one cause. */
  isAsync: boolean;
  moves: readonly Move[];
  /** Minutes that the steps bake together; each lasts as long as the others. */
  minutes: number;
}

/** A rollout that is opened, and what its target counted in the day before. */
export interface Opened {
  rollout: Rollout;
  past: readonly Window[];
  given: AtSteps;
}

const TARGET = 'api';
const KEY = { service: 'bench', release: '2' };

/** The end of the millisecond in which the first raise stands: every minute from here on has its whole weight. */
const START = Date.UTC(2030, 0, 1);

/** When traffic has moved. */
const momentOf = ({ minute }: Move): Instant => (minute === 0 ? START - 1 : START + minute * WINDOW_MS);

/** Between the opening and the first raise; assumed. */
const OPENING_MS = 2_000;

/** How long a shift takes; assumed. */
const ACTION_MS = 1_000;

/** From the settled end of a minute to the look at it; assumed. */
const LOOK_MS = 1_000;

/** Opens a rollout as the controller does, after a day in which the service did what stable does. */
export function openedAt(given: AtSteps): Opened {
  const { requestsPerSecond, stable, moves, minutes, ratio, isAsync } = given;
  const random = seededRandom(1).fork(`day ${requestsPerSecond} ${stable}`);
  const past = dayBefore(random, given);
  const at = START - OPENING_MS;
  const bake = `${minutes / moves.length}m`;
  const text = JSON.stringify({
    ...{ schema: 1, ...KEY, environment: 'bench', order: 2, targets: { [TARGET]: { version: '2' } } },
    rollout: {
      service: KEY.service,
      targets: { [TARGET]: { lambda: 'bench', alias: 'live' } },
      steps: moves.map(({ weight }) => ({ weight, bake })),
      watch: { errors: `${ratio}x` },
      verify: '10m',
    },
  });
  const source: Source = isAsync ? 'async' : 'invoke';
  const target = {
    ...{ name: TARGET, kind: 'lambda-alias' as const, key: TARGET, ref: {}, stable: '1', canary: '2' },
    ...{ source, traits: traitsOf(source, {}) },
  };
  const [event] = open(
    {
      identity: {
        ...{ ...KEY, rolloutId: 'bench--2--1', environment: 'bench', attempt: 1 },
        manifest: { bucket: 'bench', key: 'releases/bench/2/manifest.json', versionId: '1' },
      },
      manifest: manifestFrom(KINDS, new TextEncoder().encode(text), KEY, 'bench'),
      service: {},
      targets: [{ target, timeoutSeconds: 3, notices: [] }],
      alarms: [],
      history: { [TARGET]: { errors: past.filter(({ start }) => start >= START - HISTORY_MS) } },
      day: { [TARGET]: { errors: [...past], traffic: past.map(withoutBad) } },
      running: 1,
    },
    at,
  );
  if (event === undefined) throw new Error('Nothing was opened.');
  return { rollout: evolve(undefined, event), past, given };
}

function dayBefore(random: Random, { requestsPerSecond, stable }: AtSteps): Window[] {
  const minutes = Math.ceil((PAST_MS + HISTORY_MS) / WINDOW_MS);
  return Array.from({ length: minutes }, (_, nth) => {
    const total = random.poisson(requestsPerSecond * 60);
    const start = START - (minutes - nth) * WINDOW_MS;
    return total === 0 ? { start } : { start, stable: { bad: random.binomial(total, stable), total } };
  });
}

const withoutBad = ({ start, stable }: Window): Window =>
  stable === undefined ? { start } : { start, stable: { bad: 0, total: stable.total } };

/** Says whether a look is asked for a verdict. */
type IsAsked = (minutes: readonly Minute[]) => boolean;

/** Every look is asked for a verdict, as in the product. */
const EACH_LOOK: IsAsked = () => true;

/**
 * Watches a rollout by whole decisions: once a minute has settled, the controller's own `judge`, `decide` and `next` say whether it is
 * reverted. Traffic moves by `moves`, whatever the planner would have it do.
 */
export function decisions(
  opened: Opened,
  isAsked: IsAsked = EACH_LOOK,
  by: typeof judge = judge,
): Watcher<Minute> {
  let { rollout } = opened;
  const { given, past } = opened;
  const obey = (command: Command, at: Instant) => {
    for (const event of decide(rollout, command, at)) rollout = evolve(rollout, event);
  };
  const move = (weight: Percent, at: Instant) => {
    obey({ type: 'IntendShift', target: TARGET, weight, expiresAt: at }, at - ACTION_MS);
    const intent = rollout.intents.at(-1);
    if (intent?.weight !== weight) throw new Error(`The rollout would not go to ${weight} %.`);
    obey({ type: 'ConfirmShift', target: TARGET, weight, token: intent.token }, at);
  };
  const toMove = [...given.moves];
  const moveUntil = (now: Instant) => {
    for (let first = toMove[0]; first !== undefined; first = toMove[0]) {
      const at = momentOf(first);
      if (at > now) return;
      toMove.shift();
      move(first.weight, at);
    }
  };
  return {
    see(minutes) {
      const settledMs = rollout.opening.settleSeconds * 1000 + LOOK_MS;
      const now = START + minutes.length * WINDOW_MS + settledMs;
      moveUntil(now);
      if (!isAsked(minutes)) return false;
      const due = next(rollout, now).kind;
      if (due !== 'measure') throw new Error(`A look was due, and the rollout wants to ${due}.`);
      const { from, to } = stretch(rollout, now);
      const errors = [...past, ...minutes.map(windowOf)].filter(
        ({ start }) => start >= from && start + WINDOW_MS <= to,
      );
      const reading = { series: { [TARGET]: { errors } }, alarms: [], heartbeat: to - WINDOW_MS };
      const trial = trialOf(rollout);
      const verdict = by(trial, reading, now);
      const folded = foldedAfter(trial, { ...reading, verdict }, now);
      obey({ type: 'RecordMeasure', verdict, alarms: [], ...(folded === undefined ? {} : { folded }) }, now);
      return next(rollout, now).kind === 'revert';
    },
  };
}

function windowOf({ c, nc, s, ns }: Minute, nth: number): Window {
  return {
    start: START + nth * WINDOW_MS,
    ...(nc === 0 ? {} : { canary: { bad: c, total: nc } }),
    ...(ns === 0 ? {} : { stable: { bad: s, total: ns } }),
  };
}

/** The comparison of errors of a rollout at its steps. */
interface Formula {
  question: Question;
  /** Natural logarithm of the evidence at which the release is reverted. */
  required: number;
  /** What is tolerated in a minute, counted from the first raise, whose environments are new; undefined in others. */
  settling: (minute: number) => number | undefined;
}

/** The comparison of a rollout's errors by its formula alone, with the stake that its part of the evidence has. */
export function formulaOf({ rollout, past, given }: Opened): Formula {
  const trial = trialOf(rollout);
  const { alpha = ALPHA } = rollout.opening.plan;
  const [[target], [rule]] = [rollout.opening.targets, rollout.opening.watch];
  const steps = partsOf(trial, plannedWindows(trial)).find(({ name }) => name === 'steps');
  const weight = weightsOf(['errors', 'traffic']).get('errors');
  if (target === undefined || rule === undefined || steps === undefined || weight === undefined)
    throw new Error('A rollout with steps that watches errors has all of these.');
  // What the other parts hold counts as well; before verify, a recall and a split that is off, they hold their stakes.
  const own = weight * steps.stake;
  const moves = given.moves.map(momentOf);
  const history = past.filter(({ start }) => start >= START - HISTORY_MS);
  const tolerated = settleOdds(stableBefore(trial, history), given.ratio);
  return {
    question: questionOf({ trial, target, rule }, steps),
    required: Math.log((1 / alpha - (1 - own)) / own),
    settling: (minute) =>
      isSettling({ ...trial, moves }, START + minute * WINDOW_MS) ? tolerated : undefined,
  };
}

/** Natural logarithm of how far below the threshold the formula may be for a look to be asked for a verdict. */
const REACH = Math.log(10);

/** True if the canary failed in the newest two minutes: otherwise the evidence only fell, so that nothing new can be found. */
const isNew = (minutes: readonly Minute[]) => minutes.at(-1)?.c !== 0 || minutes.at(-2)?.c !== 0;

/** How far the formula is above its threshold. */
function above(minutes: readonly Minute[], { question, required, settling }: Formula): number {
  const windows = minutes.map((minute, nth) => {
    const w0 = settling(nth);
    return w0 === undefined ? minute : { ...minute, w0, stake: SETTLING_STAKE };
  });
  return evidenceOfRatio(windows, question) - required;
}

/** The formula as a rule of its own: what whole decisions are compared with. */
export function byFormula(formula: Formula): Watcher<Minute> {
  return { see: (minutes) => isNew(minutes) && above(minutes, formula) >= 0 };
}

/** The looks at which the formula is within a tenth of its threshold: far below it no verdict fails by this comparison. */
export function inReach(formula: Formula): IsAsked {
  return (minutes) => isNew(minutes) && above(minutes, formula) >= -REACH;
}

/** The look at which a watcher reverts, counted from 1; undefined if it never does. `readings[k]` is what a look after minute k finds. */
export function lookOf<M>(watcher: Watcher<M>, readings: readonly (readonly M[])[]): number | undefined {
  const found = readings.findIndex((reading) => watcher.see(reading));
  return found === -1 ? undefined : found + 1;
}

/** At which look one rollout is reverted: by the decisions at the looks in reach, at each look, and by the formula alone. */
interface Compared {
  asked: number | undefined;
  each: number | undefined;
  formula: number | undefined;
}

/** Plays one rollout three ways, which agree if the formula is right. */
export function compared(
  opened: Opened,
  readings: readonly (readonly Minute[])[],
  formula: Formula = formulaOf(opened),
): Compared {
  return {
    asked: lookOf(decisions(opened, inReach(formula)), readings),
    each: lookOf(decisions(opened), readings),
    formula: lookOf(byFormula(formula), readings),
  };
}
