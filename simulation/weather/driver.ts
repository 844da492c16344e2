import { foldedAfter } from '../../core/analysis/fold.ts';
import { type judge, stretch } from '../../core/analysis/judge.ts';
import { PAST_MS } from '../../core/analysis/silence.ts';
import { HISTORY_MS } from '../../core/analysis/windows.ts';
import type { Manifest } from '../../core/config/manifest.ts';
import { manifestFrom } from '../../core/config/manifest.ts';
import type { ResolvedTarget } from '../../core/ports.ts';
import { SPILLWAY } from '../../core/rollout/actor.ts';
import { type Command, decide } from '../../core/rollout/decide.ts';
import type { Cause, Outcome } from '../../core/rollout/event.ts';
import { next } from '../../core/rollout/next.ts';
import { open } from '../../core/rollout/open.ts';
import { evolve, isEnded, type Rollout } from '../../core/rollout/state.ts';
import { trialOf } from '../../core/rollout/trial.ts';
import type { Source } from '../../core/target.ts';
import { type Instant, type Percent, WINDOW_MS } from '../../core/units.ts';
import { KINDS } from '../../targets/kinds.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import type { World } from './world.ts';

/** How a plan raises the weight: README's steps, or all at once. */
export type PlanName = 'steps' | 'all-at-once';

/** README's rollout file, as far as no people, alarms or smoke tests are asked, and the same without steps. */
const FILES: Record<PlanName, object> = {
  steps: {
    steps: [
      { weight: 5, bake: '5m' },
      { weight: 25, bake: '10m' },
    ],
  },
  'all-at-once': { strategy: 'all-at-once' },
};

/** The weights of a plan and how long each bakes, verify at 100 % included: what its peers are given. */
export const SCHEDULES: Record<PlanName, readonly { weight: Percent; minutes: number }[]> = {
  steps: [
    { weight: 5, minutes: 5 },
    { weight: 25, minutes: 10 },
    { weight: 100, minutes: 10 },
  ],
  'all-at-once': [{ weight: 100, minutes: 10 }],
};

/** How long a call of AWS and the state around it take; assumed. */
const ACTION_MS = 1_000;

/** Longest that one rollout is played, so that what never ends is seen as such. */
export const HORIZON_MS = 120 * WINDOW_MS;

/** Past minutes that must have been drawn before an opening. */
export const BEFORE_MS = PAST_MS + HISTORY_MS;

/** A rollout file of somebody, as a manifest that holds it. */
export interface Filed {
  manifest: Manifest;
  source: Source;
  /** The weight of its last step, beyond which a release counts as promoted. */
  highest: Percent;
  horizonMs: number;
}

/** How a rollout is to be played: by a plan of the bench, or by somebody's file. */
export interface Asked {
  plan: PlanName | Filed;
  onInconclusive?: 'pause' | 'promote' | 'revert' | undefined;
  timeoutSeconds?: number | undefined;
  /** Whether the file compares orders as well. */
  hasOrders?: boolean | undefined;
  opened: Instant;
  judge: typeof judge;
}

/** Outcome of a rollout. */
export interface Played {
  outcome: Outcome | 'none';
  cause?: Cause | undefined;
  reason: string;
  notices: string[];
  /** What the opening says of what the plan finds and what it does not. */
  outlook: readonly string[];
  /** When the outcome stood, or the end of the horizon. */
  ended: Instant;
  /** The weight from which it was reverted. */
  weight: Percent;
  /** Times that the weight fell without an end. */
  recalls: number;
  /** Pauses that Spillway made. */
  pauses: number;
  /** True if it waits for a person, or ended so that one is needed. */
  isHeld: boolean;
  weights: { at: Instant; weight: Percent }[];
}

/**
 * Plays one whole rollout in a world of counts: the controller's own opening, planner, judge and decider, with every directive
 * done at once and without failure, and no AWS between them.
 */
export function play(world: World, asked: Asked): Played {
  const { opened } = asked;
  world.advance(opened);
  let now = opened;
  let rollout = openingOf(world, asked);
  let pauses = 0;
  let recalls = 0;
  let left: Percent = 0;
  const weights: Played['weights'] = [];
  const { plan } = asked;
  const highest = typeof plan === 'object' ? plan.highest : (SCHEDULES[plan].at(-2)?.weight ?? 0);
  const horizon = opened + (typeof plan === 'object' ? plan.horizonMs : HORIZON_MS);
  const obey = (command: Command) => {
    for (const event of decide(rollout, command, now)) {
      if (event.type === 'Paused' && event.by.id === SPILLWAY.id) pauses += 1;
      rollout = evolve(rollout, event);
    }
  };
  const move = (weight: Percent) => {
    const before = weights.at(-1)?.weight ?? 0;
    if (weight < before && weight > 0) recalls += 1;
    world.move(now, weight / 100);
    if (weight > highest) world.promote(now);
    weights.push({ at: now, weight });
  };
  while (now < horizon && !isEnded(rollout)) {
    const directive = next(rollout, now);
    switch (directive.kind) {
      case 'hold':
        now += directive.seconds * 1000;
        continue;
      case 'shift':
      case 'promote': {
        const weight = directive.kind === 'promote' ? 100 : directive.weight;
        const { target } = directive;
        obey({ type: 'IntendShift', target, weight, expiresAt: now + ACTION_MS });
        const intent = rollout.intents.at(-1);
        now += ACTION_MS;
        if (intent?.weight !== weight) break;
        move(weight);
        obey({ type: 'ConfirmShift', target, weight, token: intent.token });
        break;
      }
      case 'measure': {
        const { from, to } = stretch(rollout, now);
        world.advance(now);
        const reading = {
          series: { [TARGET]: world.series(from, to, now) },
          alarms: [],
          heartbeat: world.heartbeat(to, now),
        };
        const trial = trialOf(rollout);
        const verdict = asked.judge(trial, reading, now);
        const folded = foldedAfter(trial, { ...reading, verdict }, now);
        obey({ type: 'RecordMeasure', verdict, alarms: [], ...(folded === undefined ? {} : { folded }) });
        break;
      }
      case 'close':
        obey({ type: 'Close' });
        break;
      case 'continue':
        obey({ type: 'Continue' });
        break;
      case 'revert': {
        now += ACTION_MS;
        left = weights.at(-1)?.weight ?? 0;
        world.move(now, 0);
        const { cause, reason } = directive;
        const targets = [{ name: TARGET, primary: STABLE, changed: true, drifted: false }];
        obey({ type: 'RecordRevert', targets, cause, reason });
        break;
      }
      default:
        throw new Error(`The driver cannot do "${directive.kind}": it plays rollouts that ask nobody.`);
    }
  }
  world.advance(horizon);
  return {
    outcome: rollout.outcome ?? 'none',
    cause: rollout.leaving?.cause,
    reason: rollout.reason ?? rollout.pause?.reason ?? '',
    notices: rollout.opening.notices,
    outlook: rollout.opening.outlook ?? [],
    ended: isEnded(rollout) ? now : horizon,
    weight: left,
    ...{ recalls, pauses, weights },
    isHeld: !isEnded(rollout) || rollout.outcome === 'halted',
  };
}

const TARGET = 'api';
const STABLE = '1';
const KEY = { service: 'weather', release: '2' };
const manifests = new Map<string, Manifest>();

/** The opening as the controller writes it, by what the service did in the day before. */
function openingOf(
  world: World,
  { plan, onInconclusive, timeoutSeconds = 3, hasOrders = false, opened }: Asked,
): Rollout {
  const to = Math.floor(opened / WINDOW_MS) * WINDOW_MS;
  const source = typeof plan === 'object' ? plan.source : 'http';
  const target: ResolvedTarget = {
    target: {
      ...{ name: TARGET, kind: 'lambda-alias', key: TARGET, ref: {}, stable: STABLE, canary: '2' },
      source,
      traits: traitsOf(source, {}),
    },
    timeoutSeconds,
    notices: [],
  };
  const [event] = open(
    {
      identity: {
        ...{ ...KEY, rolloutId: 'weather--2--1', environment: 'bench', attempt: 1 },
        manifest: { bucket: 'bench', key: 'releases/weather/2/manifest.json', versionId: '1' },
      },
      manifest: typeof plan === 'object' ? plan.manifest : manifestOf({ plan, onInconclusive, hasOrders }),
      service: {},
      targets: [target],
      alarms: [],
      history: { [TARGET]: world.series(to - HISTORY_MS, to, opened) },
      day: { [TARGET]: { ...world.series(to - PAST_MS, to, opened), ...world.past(to - PAST_MS, to) } },
      running: 1,
    },
    opened,
  );
  if (event === undefined) throw new Error('Nothing was opened.');
  return evolve(undefined, event);
}

/** What a rollout file watches by itself, and orders. */
const WITH_ORDERS = {
  ...{ errors: '1.5x', http5xx: '1.5x', http4xx: '1.5x', throttles: '1.5x' },
  custom: { orders: { bad: 'Shop/Lost', total: 'Shop/Orders' } },
};

function manifestOf({
  plan,
  onInconclusive,
  hasOrders,
}: Pick<Asked, 'onInconclusive' | 'hasOrders'> & { plan: PlanName }): Manifest {
  const name = `${plan} ${onInconclusive} ${hasOrders}`;
  const known = manifests.get(name);
  if (known !== undefined) return known;
  const manifest = manifestWith({
    ...FILES[plan],
    ...(onInconclusive === undefined ? {} : { onInconclusive }),
    ...(hasOrders ? { watch: WITH_ORDERS } : {}),
    verify: '10m',
  });
  manifests.set(name, manifest);
  return manifest;
}

/** A manifest of the one release that is played, with these fields of a rollout file. @throws RolloutError if they are not good */
export function manifestWith(fields: object, source: Source = 'http'): Manifest {
  const text = JSON.stringify({
    ...{ schema: 1, ...KEY, environment: 'bench', order: 2, targets: { [TARGET]: { version: '2' } } },
    rollout: {
      service: KEY.service,
      targets: { [TARGET]: { lambda: 'weather', alias: 'live', source } },
      ...fields,
    },
  });
  return manifestFrom(KINDS, new TextEncoder().encode(text), KEY, 'bench');
}
