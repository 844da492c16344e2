import { nameOf } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { check, type Limits } from '../../simulation/checkers/checkers.ts';
import { type Run, record } from '../../simulation/recording.ts';
import {
  createScenario,
  FUNCTION,
  type Scenario,
  type ScenarioOptions,
  SERVICE,
} from '../../simulation/scenario.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export interface Stage extends Scenario {
  clock: VirtualClock;
  /** Resolves as soon as an event that `matches` has been written. */
  event(matches: (event: RolloutEvent, rollout: Rollout) => boolean): Promise<void>;
  /** Resolves as soon as an event of this type has been written so many times. */
  saw(type: RolloutEvent['type'], times?: number): Promise<void>;
  /** Asks what a person asks. */
  order(command: 'pause' | 'resume' | 'promote' | 'abort', more?: object): Promise<unknown>;
}

export interface Plot extends Partial<ScenarioOptions> {
  release?: Parameters<Scenario['release']>[0];
  /** What is there before the release: other functions, alarms. */
  before?: (stage: Stage) => void | Promise<void>;
  /** What happens while the release rolls out, from its upload on. */
  act?: (stage: Stage) => Promise<unknown>;
  /** Who somebody is, by each identity that they come under. */
  humans?: Run['humans'];
  /** Virtual time after which the rollout is left as it is. */
  hours?: number;
}

export interface Played {
  stage: Stage;
  rollout: Rollout | undefined;
  events: RolloutEvent[];
  run: Run;
  /** The events in readable lines; repeated ones are counted. */
  story: string[];
  /** States of all executions of the rollout but Dispatch; repeated pairs are counted. */
  path: string[];
}

export const ROLLOUT_ID = `${SERVICE}--r1--1`;

/** Plays one release on a recorded world and lets the dust settle. */
export async function play(plot: Plot = {}): Promise<Played> {
  const stage = staged(plot);
  await plot.before?.(stage);
  const recording = record(stage, undefined, { posted: [], deaf: [], humans: plot.humans ?? {} });
  await stage.clock.advance((plot.warmMinutes ?? 20) * MINUTE);
  const acted = plot.act?.(stage);
  const everything = Promise.all([stage.release(plot.release).then((id) => stage.ended(id)), acted]);
  await stage.clock.run(everything, (plot.hours ?? 12) * HOUR).catch((error: unknown) => {
    if (!/did not happen|stands still/.test(String(error))) throw error;
  });
  await stage.clock.advance(15 * MINUTE);
  const run = await stage.clock.run(recording.finish());
  const rollout = run.heads.find(({ opening }) => opening.rolloutId === ROLLOUT_ID);
  const events = run.histories[ROLLOUT_ID] ?? [];
  return { stage, rollout, events, run, story: storyOf(events), path: pathOf(stage, ROLLOUT_ID) };
}

export function staged(plot: Plot): Stage {
  const clock = virtualClock();
  const scenario = createScenario({ seed: 1, ...plot, clock });
  const event: Stage['event'] = (matches) =>
    new Promise((resolve) => {
      scenario.follow(({ events, rollout }) => {
        if (events.some((each) => matches(each, rollout))) resolve();
      });
    });
  const stage: Stage = {
    ...scenario,
    clock,
    event,
    saw(type, times = 1) {
      let count = 0;
      return event((each) => each.type === type && ++count === times);
    },
    order: (command, more = {}) =>
      stage.invoke('Command', {
        command,
        rolloutId: ROLLOUT_ID,
        by: 'ada',
        ...(command === 'pause' || command === 'abort' ? { reason: 'it looks odd' } : {}),
        ...more,
      }),
  };
  return stage;
}

/** A rollout of two short steps. */
export const SHORT = {
  steps: [
    { weight: 10, bake: '2m' },
    { weight: 50, bake: '2m' },
  ],
  verify: '2m',
};

/** Names of the checkers that found something, each once. */
export const broken = (run: Run, limits?: Limits) => [
  ...new Set(check(run, limits).map(({ promise }) => promise)),
];

/** What the checkers found, in words, so that a failing test says what was wrong. */
export const faults = (run: Run, limits?: Limits) =>
  check(run, limits).map(({ promise, at, what }) => `${promise}: ${what} (${new Date(at).toISOString()})`);

export function storyOf(events: RolloutEvent[]): string[] {
  return counted(events.map(lineOf), 1);
}

export function pathOf(stage: Scenario, rolloutId: string): string[] {
  return stage.stepFunctions.executions
    .filter(({ name }) => name.startsWith(`${rolloutId}-`))
    .flatMap(({ path }) =>
      counted(
        path.filter((name) => name !== 'Dispatch'),
        2,
      ),
    );
}

/** Puts repeats of the last `width` lines into one, with a count. */
function counted(lines: string[], width: number): string[] {
  const out: { text: string; times: number }[] = [];
  for (let at = 0; at < lines.length; ) {
    const group = lines.slice(at, at + width).join(' ');
    let times = 1;
    while (lines.slice(at + times * width, at + (times + 1) * width).join(' ') === group) times += 1;
    const isGroup = times > 1;
    out.push({ text: isGroup ? group : (lines[at] ?? ''), times });
    at += isGroup ? times * width : 1;
  }
  return out.map(({ text, times }) => (times === 1 ? text : `${text} x${times}`));
}

function lineOf(event: RolloutEvent): string {
  switch (event.type) {
    case 'RolloutOpened':
      return `RolloutOpened ${event.targets.map(({ name, stable, canary }) => `${name} ${stable}->${canary}`).join(', ')}`;
    case 'RolloutDeclined':
      return `RolloutDeclined ${event.outcome}: ${event.reason}`;
    case 'Published':
      return `Published ${event.target} ${event.version}`;
    case 'HookStarted':
      return `HookStarted ${event.hook}`;
    case 'HookAnswered':
      return `HookAnswered ${event.hook} ${event.status}`;
    case 'GateOpened':
      return `GateOpened ${event.gate} %`;
    case 'Approved':
      return `Approved ${event.gate} % by ${nameOf(event.by)}`;
    case 'Rejected':
      return `Rejected ${event.gate} % by ${nameOf(event.by)}`;
    case 'ShiftIntended':
    case 'Shifted':
      return `${event.type} ${event.target} ${event.weight} %`;
    case 'Deferred':
      return 'Deferred';
    case 'Promoted':
      return `Promoted ${event.target}`;
    case 'Measured':
      return `Measured ${event.verdict.status}`;
    case 'AlarmRaised':
      return `AlarmRaised ${event.alarm}`;
    case 'DriftDetected':
      return `DriftDetected ${event.target}`;
    case 'Lowered':
      return `Lowered ${event.target} ${event.weight} %`;
    case 'PinRefused':
    case 'StableGone':
      return `${event.type} ${event.target}`;
    case 'RecallOrdered':
      return `RecallOrdered ${event.weight} %`;
    case 'RecallEnded':
      return 'RecallEnded';
    case 'Paused':
      return `Paused by ${nameOf(event.by)}, ${event.why}`;
    case 'Resumed':
      return `Resumed by ${nameOf(event.by)}`;
    case 'PromotionOrdered':
      return `PromotionOrdered by ${nameOf(event.by)}${event.full ? ', full' : ''}`;
    case 'Aborted':
      return `Aborted by ${nameOf(event.by)}`;
    case 'RevertOrdered':
      return `RevertOrdered ${event.cause}`;
    case 'TookOver':
    case 'Continued':
      return `${event.type} ${event.epoch}`;
    case 'Reverted':
      return `Reverted ${event.cause}: ${event.targets.map(({ name, primary, changed, drifted }) => `${name} at ${primary}${changed ? '' : ' already'}${drifted ? ', drifted' : ''}`).join(', ')}`;
    case 'RolloutClosed':
      return `RolloutClosed ${event.outcome}`;
  }
}

/** Adds a second function with its alias, tag and traffic, and answers what a release needs to name it as a target. */
export function addWorker(
  stage: Stage,
  name: string,
  rates: { errors?: (version: string) => number; requestsPerSecond?: number } = {},
): { lambda: string; alias: string } {
  const lambda = `checkout-prod-${name}`;
  const { helpers } = stage.lambda;
  helpers.createFunction({ name: lambda, tags: { 'spillway:service': SERVICE } });
  helpers.createAlias(lambda, ALIAS, helpers.publishCounted(lambda));
  helpers.publishCounted(lambda);
  stage.addTraffic({
    functionName: lambda,
    requestsPerSecond: rates.requestsPerSecond ?? 50,
    errorRate: (version) => rates.errors?.(version) ?? 0.001,
  });
  return { lambda, alias: ALIAS };
}

/** A release of two targets: the scenario's own function and another, `checkout-prod-worker`, both from version 1 to 2. */
export const TWO_TARGETS: NonNullable<Plot['release']> = {
  manifest: { targets: { api: { version: '2' }, worker: { version: '2' } } },
  rollout: {
    targets: {
      api: { lambda: FUNCTION, alias: ALIAS },
      worker: { lambda: 'checkout-prod-worker', alias: ALIAS },
    },
  },
};
