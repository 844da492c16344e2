import { AsyncLocalStorage } from 'node:async_hooks';
import type { GetMetricDataInput, GetMetricDataOutput, MetricDataResult } from '@aws-sdk/client-cloudwatch';
import type { Ports } from '../controller/ports.ts';
import { RolloutError } from '../core/errors.ts';
import { takesCommands } from '../core/rollout/command-request.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import type { Handler } from '../functions/_lambda.ts';
import { CLIENT } from '../functions/_ports.ts';
import { type FunctionName, factsOf } from '../infra/facts.ts';
import type { WorldClock } from '../local/clock.ts';
import { placedDice } from '../local/random.ts';
import type { WorldOptions } from '../local/world.ts';

/**
 * Every way in which this world misbehaves. Those with a rate strike by chance, each time their place is passed: `rate`
 * is the share of passages at a noise of 1. The others are troubles: they come at a moment, and some last a while.
 */
export const FAULTS = {
  throttled: { at: 'call', rate: 0.004, what: 'AWS had no room for the call' },
  serverFault: { at: 'call', rate: 0.003, what: 'AWS failed and did nothing' },
  answerLost: { at: 'call', rate: 0.004, what: 'the call took effect and its answer was lost' },
  arrivesLate: { at: 'call', rate: 0.002, what: 'the call took effect seconds after its caller gave it up' },
  slow: { at: 'call', rate: 0.006, what: 'the call took seconds' },
  diesBefore: { at: 'call', rate: 0.0006, what: 'the function died before the call' },
  diesAfter: { at: 'call', rate: 0.0006, what: 'the function died after the call' },
  hangs: { at: 'call', rate: 0.0006, what: 'the function stood still until Lambda ended it' },
  metricsLate: { at: 'metrics', rate: 0.03, what: 'the newest windows had not arrived' },
  metricsMissing: { at: 'metrics', rate: 0.03, what: 'some windows were missing' },
  metricsPartial: { at: 'metrics', rate: 0.02, what: 'the answer was partial, and said so' },
  metricsRestated: { at: 'metrics', rate: 0.03, what: 'the newest windows counted less than they later did' },
  metricsLowered: {
    at: 'metrics',
    rate: 0.02,
    what: 'windows of one version came lower than they had been counted before',
  },
  invokedTwice: { at: 'invocation', rate: 0.01, what: 'the function was invoked twice' },
  eventTwice: { at: 'event', rate: 0.1, what: 'the event came twice' },
  eventLate: { at: 'event', rate: 0.1, what: 'the event came late, past those after it' },
  receiverDown: { at: 'voice', rate: 0.02, what: 'Slack or another receiver failed and heard nothing' },
  receiverSilent: { at: 'voice', rate: 0.01, what: 'the receiver neither heard nor answered' },
  receiverSlow: { at: 'voice', rate: 0.03, what: 'the receiver took seconds' },
  receiverUnheard: { at: 'voice', rate: 0.02, what: 'the receiver heard it and its answer was lost' },
  receiverBusy: {
    at: 'voice',
    rate: 0.02,
    what: 'the receiver took no more for a while, and said for how long',
  },
  journalAway: { at: 'trouble', what: 'the journal is away' },
  messageDeleted: { at: 'trouble', what: 'somebody deletes the message of a rollout in Slack' },
  receiversAway: { at: 'trouble', what: 'Slack and the other receivers are away' },
  metricsAway: { at: 'trouble', what: 'CloudWatch is away' },
  /** 409, "An update is in progress": recorded from AWS, LocalStack snapshot tests of Lambda, 2025-11-25. */
  functionUpdating: {
    at: 'trouble',
    what: 'another change of the function is in progress, so Lambda refuses every write',
  },
  /** Common errors of the API reference; a service control policy, or a role that somebody edits. */
  accountRefuses: { at: 'trouble', what: 'the account may not write aliases, nor stores of sites' },
  /** So that Step Functions has to take the canary out itself, with errors that Lambda's API does not model (`local/task.ts`) and timeouts; assumed. */
  revertBroken: {
    at: 'trouble',
    what: 'RevertTraffic fails each time, and every other call of Lambda by Step Functions itself',
  },
  /** How such functions end: `Sandbox.Timedout` is recorded (2025-11-25), `Runtime.OutOfMemory` is what Lambda's REPORT line names. */
  measureEnded: { at: 'trouble', what: 'Lambda ends Measure each time, for its time or memory' },
  lambdaAway: { at: 'trouble', what: "Lambda's control plane refuses every write" },
  concurrencyGone: {
    at: 'trouble',
    what: 'the canary eats the concurrency that is not reserved, while it has traffic',
  },
  concurrencyGoneForAll: {
    at: 'trouble',
    what: 'the canary eats all concurrency, as in an account that can reserve none, while it has traffic',
  },
  clockSkew: { at: 'trouble', what: 'the clocks of the functions differ from that of AWS, each by its own' },
  unitsMixed: {
    at: 'trouble',
    what: 'the function counts lost orders in a second unit, of which CloudWatch adds up only one',
  },
  hookSilent: { at: 'trouble', what: 'the hook promises an answer that never comes' },
  gateSilent: { at: 'trouble', what: 'nobody approves' },
  executionStopped: {
    at: 'trouble',
    what: 'somebody stops the execution, or it times out: no Catch runs, and nobody hears of it',
  },
  ordersToTheDead: {
    at: 'trouble',
    what: 'somebody stops the execution, and then pauses and resumes its rollout every minute',
  },
  executionRedriven: {
    at: 'trouble',
    what: 'somebody starts the first execution once more from the console, while another may run',
  },
  strangerMoves: { at: 'trouble', what: 'somebody else puts another version on the alias' },
  strangerWeights: { at: 'trouble', what: 'somebody else changes the weights' },
  strangerStamps: { at: 'trouble', what: "somebody else writes the alias' description" },
  otherDeploy: {
    at: 'trouble',
    what: 'another tool deploys: new version, alias moved, weights and description reset',
  },
  strangerPutsBack: {
    at: 'trouble',
    what: 'somebody puts the alias on one of the two versions of a rollout by hand, alone or beside the other',
  },
  stableDeleted: {
    at: 'trouble',
    what: 'somebody deletes the version that served before, once the alias lets go of it',
  },
  pinRemoved: {
    at: 'trouble',
    what: 'somebody deletes the alias that pins the version that served before, and perhaps that version',
  },
  readsLag: { at: 'trouble', what: 'reads of an alias lag up to a second behind its writes' },
  versionDeleted: { at: 'trouble', what: 'somebody deletes the version of the canary' },
  provisioned: {
    at: 'trouble',
    what: 'somebody gives the alias provisioned concurrency, and Lambda its own temporary weights',
  },
  secondRelease: { at: 'trouble', what: 'another release is uploaded' },
  sameAgain: { at: 'trouble', what: 'the same version is uploaded once more, as another release' },
  sameArtifact: {
    at: 'trouble',
    what: 'the same code and configuration is published once more and uploaded as another release',
  },
  movedBefore: {
    at: 'trouble',
    what: 'another tool points the alias at the version before its release is uploaded',
  },
} as const satisfies Record<string, Fault>;

interface Fault {
  /** Where it can strike: at each call of AWS or of the journal by a function, at each read of metrics, at each message to somebody outside, and so on. */
  at: 'call' | 'metrics' | 'invocation' | 'event' | 'voice' | 'trouble';
  rate?: number;
  what: string;
}

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;
/** All of them. */
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** A fault that struck by chance. `id` names the place and the count of passages, and is the same in every replay. */
export interface Strike {
  id: string;
  fault: FaultName;
  at: Instant;
  where: string;
}

/** A moment at which a controller function can die: around its handler, and around each call it makes. */
export interface Point {
  fn: FunctionName;
  /** Which invocation of this function, from 1. */
  nth: number;
  /** `handler`, an AWS command, or a method of the journal such as `journal.append`. */
  op: string;
  phase: 'before' | 'after';
}

/** One run of a controller function, which can be ended at any moment. */
interface Invocation {
  fn: FunctionName;
  nth: number;
  isDead: boolean;
  /** Ends it: what it had sent stays sent, nothing more is, and the caller sees an error of this name. */
  die(name: string): void;
}

/** The places where one can stand in a world. */
export interface Hooks {
  around: NonNullable<WorldOptions['around']>;
  intercept: NonNullable<WorldOptions['intercept']>;
  aroundStep?: NonNullable<WorldOptions['aroundStep']>;
  changePorts: NonNullable<WorldOptions['changePorts']>;
}

/** A new one each time: what waits for one that all share would be kept, and its world with it. */
const never = () => new Promise<never>(() => {});

/** Runs functions so that they can be ended, and knows which of them makes a call. */
function invocations() {
  const running = new AsyncLocalStorage<Invocation>();
  const counts = new Map<FunctionName, number>();
  return {
    /** The function that is calling; undefined if a person or a test is. */
    present: () => running.getStore(),
    run(fn: FunctionName, work: () => Promise<unknown>, begun: (invocation: Invocation) => void = () => {}) {
      const nth = (counts.get(fn) ?? 0) + 1;
      counts.set(fn, nth);
      return new Promise<unknown>((resolve, reject) => {
        const invocation: Invocation = {
          fn,
          nth,
          isDead: false,
          die(name) {
            invocation.isDead = true;
            reject(named(name, `${fn} was killed`));
          },
        };
        begun(invocation);
        running.run(invocation, work).then(resolve, reject);
      });
    },
  };
}

/** Kills the process of a function at each point where `dies` says so, as if its machine had failed; Step Functions sees `error`. */
export function crashes(
  dies: (point: Point) => boolean,
  error: () => string = () => 'Runtime.ExitError',
): Hooks {
  const { run, present } = invocations();
  const passes = async (op: string, phase: Point['phase']): Promise<void> => {
    const invocation = present();
    if (invocation === undefined) return;
    const { fn, nth, isDead } = invocation;
    if (!isDead && dies({ fn, nth, op, phase })) invocation.die(error());
    if (invocation.isDead) await never();
  };
  const guarded = async <T>(op: string, call: () => Promise<T>): Promise<T> => {
    await passes(op, 'before');
    const answer = await call();
    await passes(op, 'after');
    return answer;
  };
  return {
    around: (fn, event, call) => run(fn, () => guarded('handler', () => call(event))),
    intercept: (command, _input, call) => guarded(command, call),
    changePorts: (ports) => ({ ...ports, journal: everyCall(ports.journal, 'journal', guarded) }),
  };
}

type Around = <T>(op: string, call: () => Promise<T>) => Promise<T>;

/** A port whose every method goes through `around`. */
function everyCall<Port extends object>(port: Port, name: string, around: Around): Port {
  const wrapped = { ...port } as Record<string, unknown>;
  for (const [key, method] of Object.entries(port)) {
    if (typeof method !== 'function') continue;
    const op = `${name}.${key}`;
    wrapped[key] = (...given: unknown[]) => around(op, async () => method.apply(port, given) as unknown);
  }
  return wrapped as Port;
}

/** A journal that cannot be reached while `isOut` says so. */
export function journalOutage(isOut: () => boolean): (ports: Ports) => Ports {
  return (ports) => ({
    ...ports,
    journal: everyCall(ports.journal, 'journal', async (op, call) => {
      if (isOut()) throw unavailable(op);
      return call();
    }),
  });
}

/** An error as a service answers it that is down for a while. */
export const serviceDown = (): Error =>
  Object.assign(named('InternalServiceException', 'Please try again.'), {
    $metadata: { httpStatusCode: 500 },
  });

const updating = (): Error =>
  Object.assign(named('ResourceConflictException', 'An update is in progress for resource'), {
    $metadata: { httpStatusCode: 409 },
  });

const denied = (): Error =>
  Object.assign(named('AccessDeniedException', 'is not authorized to perform: lambda:UpdateAlias'), {
    $metadata: { httpStatusCode: 403 },
  });

const throttle = (): Error =>
  Object.assign(named('TooManyRequestsException', 'Rate exceeded.'), { $metadata: { httpStatusCode: 429 } });

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

const unavailable = (op: string) => new RolloutError('Unavailable', `${op} found no journal.`);

/** After which Lambda ends a function of the controller. */
const limitMs = (fn: FunctionName) => factsOf(fn).seconds * 1_000;
/** After which a client gives up a call. */
const CLIENT_LIMIT_MS = CLIENT.requestHandler.requestTimeout;
/** Longest time that a call takes effect after its caller gave it up; assumed. */
const ADRIFT_MAX_MS = 15_000;
/** Longest time between the two invocations of one event; assumed. */
const TWIN_MAX_MS = 40_000;
/** Longest delay of an event that is late; assumed. */
const EVENT_LATE_MAX_MS = 180_000;
/** Most windows at the end of the metrics that may not have arrived, and that may still be restated. */
const LATE_WINDOWS_MAX = 3;

const READS = /^(?:Get|Head|List|Describe)/;

/** Calls that take effect and whose answer reaches nobody. */
const unheard = new AsyncLocalStorage<true>();

/** True within a call that takes effect and whose answer reaches nobody. */
export const isUnheard = (): boolean => unheard.getStore() === true;

/** Faults that strike in a world. */
export interface Injected extends Hooks {
  /** For each copy of an event that is to be delivered, how much later than usual. */
  copies: NonNullable<WorldOptions['copies']>;
  /** What has struck so far, in order. */
  strikes: Strike[];
  /** Calls that went wrong, or of which the answer was lost, by the function that made them; `op` is absent if its time was over. */
  deaf: { at: Instant; fn: FunctionName; op?: string }[];
  /** How a message to a receiver outside goes wrong, with a number in [0, 1) for what is left open. */
  voice(receiver: string): { fault: FaultName; how: number } | undefined;
}

/**
 * Stands everywhere in a world and lets faults strike: one seed and the same calls give the same strikes. Whether a
 * fault strikes at the n-th passage of a place depends on nothing else, so that one strike can be left out and the
 * others stay.
 */
export function injector(options: {
  clock: WorldClock;
  seed: number;
  faults: readonly FaultName[];
  /** Factor of all rates. */
  noise: number;
  /** Only strikes of these ids, if a history is replayed. */
  only?: ReadonlySet<string> | undefined;
  /** Whether a trouble is there now. */
  isOn: (trouble: FaultName) => boolean;
  /** How far the clock of a function is off. */
  skewMs: (fn: FunctionName) => number;
  /** Whether notes are as little to be relied on as the journal is; of no use to worlds that report to nobody. */
  isReporting?: boolean;
}): Injected {
  const { clock, only, isOn, skewMs, isReporting = false } = options;
  const dice = placedDice(`${options.seed}/faults`);
  const bands = bandsOf(options.faults, options.noise);
  const passages = new Map<string, number>();
  const strikes: Strike[] = [];
  const deaf: Injected['deaf'] = [];
  let stepCalls = 0;
  const { run, present } = invocations();

  /** The fault that strikes at this passage, with a number in [0, 1) for what it leaves open. */
  const strike = (at: Fault['at'], where: string): { fault: FaultName; how: number } | undefined => {
    const { total, each } = bands[at];
    if (total === 0) return undefined;
    const place = `${at} ${where}`;
    const nth = (passages.get(place) ?? 0) + 1;
    passages.set(place, nth);
    const drawn = dice(place, nth);
    if (drawn >= total) return undefined;
    const band = each.find(({ to }) => drawn < to);
    if (band === undefined) return undefined;
    const id = `${band.fault}@${where}#${nth}`;
    if (only !== undefined && !only.has(id)) return undefined;
    strikes.push({ id, fault: band.fault, at: clock.now(), where });
    return { fault: band.fault, how: (drawn - band.from) / (band.to - band.from) };
  };

  const alive = async <T>(invocation: Invocation, value: T): Promise<T> =>
    invocation.isDead ? never() : value;

  /** One call by a function, with whatever strikes at it. */
  const called = async <T>(
    op: string,
    call: () => Promise<T>,
    errors: { throttled(): Error; down(): Error; timedOut(): Error },
  ): Promise<T> => {
    const invocation = present();
    if (invocation === undefined) return call();
    if (invocation.isDead) return never();
    const struck = strike('call', `${invocation.fn} ${op}`);
    const { how = 0 } = struck ?? {};
    if (struck !== undefined && struck.fault !== 'slow')
      deaf.push({ at: clock.now(), fn: invocation.fn, op });
    switch (struck?.fault) {
      case undefined:
        return alive(invocation, await call());
      case 'throttled':
        throw errors.throttled();
      case 'serverFault':
        throw errors.down();
      case 'answerLost':
        await unheard.run(true, call);
        await clock.sleep(CLIENT_LIMIT_MS);
        if (invocation.isDead) return never();
        throw errors.timedOut();
      case 'arrivesLate':
        // Of a call that only reads, nothing arrives late.
        if (READS.test(op)) void unheard.run(true, call).catch(() => {});
        else
          void clock
            .sleep(CLIENT_LIMIT_MS + how * ADRIFT_MAX_MS)
            .then(() => unheard.run(true, call))
            .catch(() => {});
        await clock.sleep(CLIENT_LIMIT_MS);
        if (invocation.isDead) return never();
        throw errors.timedOut();
      case 'slow':
        await clock.sleep(how * CLIENT_LIMIT_MS);
        return invocation.isDead ? never() : alive(invocation, await call());
      case 'diesBefore':
        invocation.die(deathOf(how));
        return never();
      case 'diesAfter':
        await unheard.run(true, call);
        invocation.die(deathOf(how));
        return never();
      default:
        // Nothing of it goes on, and its time limit ends it. A call that hangs alone is given up by its client instead.
        invocation.isDead = true;
        return never();
    }
  };

  const ofAws = {
    throttled: throttle,
    down: serviceDown,
    timedOut: () => named('TimeoutError', 'socket hang up'),
  };

  const away = (op: string) => () => unavailable(op);

  /** A call of what is kept in the journal's table. */
  const kept: Around = async (op, call) => {
    if (isOn('journalAway')) {
      const invocation = present();
      if (invocation !== undefined) deaf.push({ at: clock.now(), fn: invocation.fn, op });
      throw unavailable(op);
    }
    return called(op, call, { throttled: away(op), down: away(op), timedOut: away(op) });
  };

  return {
    ...{ strikes, deaf },
    voice: (receiver) => strike('voice', receiver),
    copies: (rule) => {
      const struck = strike('event', rule);
      if (struck?.fault === 'eventTwice') return [0, struck.how * EVENT_LATE_MAX_MS];
      return [struck === undefined ? 0 : struck.how * EVENT_LATE_MAX_MS];
    },
    async around(fn, event, call) {
      if (isOn('concurrencyGoneForAll') || (isOn('concurrencyGone') && factsOf(fn).reserved === undefined))
        throw named('Lambda.TooManyRequestsException', 'Rate Exceeded.');
      // What a call that nobody hears of starts is heard by its own function.
      const invoke = () => unheard.exit(() => limited(fn, () => call(event)));
      if (fn === 'RevertTraffic' && isOn('revertBroken')) throw named('RevertFailed', 'it cannot be loaded');
      if (fn === 'Measure' && isOn('measureEnded')) {
        const isMemory = dice('measureEnded', clock.now()) < 0.5;
        await clock.sleep(isMemory ? 1_000 : limitMs(fn));
        throw named(isMemory ? 'Runtime.OutOfMemory' : 'Sandbox.Timedout', 'Measure was ended');
      }
      // A command that comes twice is two commands.
      const twin = takesCommands(fn) ? undefined : strike('invocation', fn);
      if (twin !== undefined)
        void clock.sleep(twin.how ** 2 * TWIN_MAX_MS).then(() => invoke().catch(() => {}));
      return invoke();
    },
    intercept: async (command, input, call) => {
      const invocation = present();
      if (invocation !== undefined && isOn('metricsAway') && /^(GetMetricData|DescribeAlarms)/.test(command))
        throw serviceDown();
      const isWrite = invocation !== undefined && /^(Create|Update|Delete)Alias/.test(command);
      if (isWrite && isOn('lambdaAway')) throw serviceDown();
      if (isWrite && isOn('functionUpdating')) throw updating();
      const isOfSite = invocation !== undefined && command === 'UpdateKeysCommand';
      if ((isWrite || isOfSite) && isOn('accountRefuses')) throw denied();
      const answer = await called(command, call, ofAws);
      if (command !== 'GetMetricDataCommand' || invocation === undefined) return answer;
      const struck = strike('metrics', invocation.fn);
      return struck === undefined ? answer : tampered(input, answer, struck, clock.now());
    },
    async aroundStep(_command, _input, call) {
      stepCalls += 1;
      if (!isOn('revertBroken') || stepCalls % 2 === 0) return call();
      // Half of them took effect before their answer was lost.
      if (stepCalls % 4 === 1) await call();
      throw named(stepCalls % 8 < 4 ? 'States.Timeout' : 'ThrottlingException', 'Rate exceeded');
    },
    changePorts: (ports) => ({
      ...ports,
      clock: {
        now: () => clock.now() + skewOf(present()),
        sleep: (ms, signal) => clock.sleep(ms, signal),
      },
      journal: everyCall(ports.journal, 'journal', kept),
      ...(isReporting ? { notes: everyCall(ports.notes, 'notes', kept) } : {}),
    }),
  };

  function skewOf(invocation: Invocation | undefined): number {
    return invocation !== undefined && isOn('clockSkew') ? skewMs(invocation.fn) : 0;
  }

  /** A function that is ended when its time is over. */
  async function limited(fn: FunctionName, call: () => ReturnType<Handler>): Promise<unknown> {
    const limit = clock.after(limitMs(fn));
    try {
      return await run(fn, call, (invocation) => {
        void limit.done.then(() => {
          deaf.push({ at: clock.now(), fn });
          invocation.die('Sandbox.Timedout');
        });
      });
    } finally {
      limit.cancel();
    }
  }
}

/** How a function that did not get through looks to Step Functions; sources in `test/statemachines/rules.ts`. */
const DEATHS = [
  'Runtime.ExitError',
  'Lambda.ServiceException',
  'Runtime.OutOfMemory',
  'Lambda.Unknown',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
];
const deathOf = (how: number) => DEATHS[Math.floor(how * DEATHS.length)] ?? 'Runtime.ExitError';

type Bands = Record<Fault['at'], { total: number; each: { fault: FaultName; from: number; to: number }[] }>;

/** The rates of each place put one above the other, so that one draw says whether a fault strikes and which. */
function bandsOf(faults: readonly FaultName[], noise: number): Bands {
  const places: Fault['at'][] = ['call', 'metrics', 'invocation', 'event', 'voice', 'trouble'];
  return Object.fromEntries(
    places.map((place) => {
      let total = 0;
      const each = faults.flatMap((fault) => {
        const { at, rate = 0 }: Fault = FAULTS[fault];
        if (at !== place || rate === 0) return [];
        const from = total;
        total += rate * noise;
        return [{ fault, from, to: total }];
      });
      return [place, { total, each }];
    }),
  ) as Bands;
}

/** Metrics as CloudWatch also answers them: without the newest windows, with gaps in each series or of one version at a time, incomplete, or not yet fully counted. */
function tampered(
  input: object,
  answer: object,
  { fault, how }: { fault: FaultName; how: number },
  now: Instant,
): object {
  const { MetricDataQueries = [] } = input as GetMetricDataInput;
  const { MetricDataResults = [], ...rest } = answer as GetMetricDataOutput;
  const versionOf = (index: number) =>
    MetricDataQueries[index]?.MetricStat?.Metric?.Dimensions?.find(({ Name }) => Name === 'ExecutedVersion')
      ?.Value;
  const newest = now - (1 + how * LATE_WINDOWS_MAX) * WINDOW_MS - (now % WINDOW_MS);
  const isNew = (at: Date) => at.getTime() >= newest;
  const versions = [...new Set(MetricDataQueries.map((_, index) => versionOf(index)))].filter(
    (version) => version !== undefined,
  );
  const lowered = versions[Math.floor(how * 1_000) % Math.max(1, versions.length)];
  const isThird = (at: Date) => (at.getTime() / WINDOW_MS + Math.floor(how * 7)) % 3 === 0;
  const change = (result: MetricDataResult, index: number): MetricDataResult => {
    const { Timestamps = [], Values = [] } = result;
    if (fault === 'metricsPartial') return { ...result, StatusCode: 'PartialData' };
    if (fault === 'metricsRestated')
      return {
        ...result,
        Values: Values.map((value, at) => (isNew(Timestamps[at] as Date) ? Math.floor(value * how) : value)),
      };
    if (fault === 'metricsLowered')
      return versionOf(index) === lowered
        ? {
            ...result,
            Values: Values.map((value, at) =>
              isThird(Timestamps[at] as Date) ? Math.floor(value * how) : value,
            ),
          }
        : result;
    const gaps = how < 0.5 ? index : Number(versionOf(index) ?? 0);
    const isKept = (at: Date) =>
      fault === 'metricsLate'
        ? !isNew(at)
        : (at.getTime() / WINDOW_MS + gaps + Math.floor(how * 7)) % 3 >= how;
    const kept = [...Timestamps.keys()].filter((at) => isKept(Timestamps[at] as Date));
    return {
      ...result,
      Timestamps: kept.map((at) => Timestamps[at] as Date),
      Values: kept.map((at) => Values[at] as number),
    };
  };
  return { ...rest, MetricDataResults: MetricDataResults.map(change) };
}
