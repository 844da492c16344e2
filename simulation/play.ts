import { createHash } from 'node:crypto';
import {
  DeleteFunctionCommand,
  UpdateAliasCommand,
  type UpdateAliasCommandInput,
} from '@aws-sdk/client-lambda';
import { zipSync } from 'fflate';
import { tokens } from '../adapters/tokens.ts';
import { signedCommand } from '../core/people/signed-command.ts';
import type { CommandRequest } from '../core/rollout/command-request.ts';
import type { Opening, RolloutEvent } from '../core/rollout/event.ts';
import { isEnded, isVerifying } from '../core/rollout/state.ts';
import { ALIAS } from '../local/account.ts';
import { type VirtualClock, virtualClock } from '../local/clock.ts';
import { type Random, seededRandom } from '../local/random.ts';
import { KilledForMemory, type Model } from '../local/services/lambda.ts';
import type { Rate } from '../local/traffic.ts';
import { pinNameOf } from '../targets/lambda-alias/pin.ts';
import { SIMULATED_KINDS } from '../targets/simulated.ts';
import { type Bound, boundsOf } from './bounds.ts';
import {
  ALARM,
  type Case,
  HOOK,
  isCounted,
  isProbed,
  type Late,
  type Moment,
  QUEUE,
  type Release,
  TIMEOUT_MAX_SECONDS,
  type TimedCommand,
  type Trouble,
  WORKER,
} from './case.ts';
import { check, type Limits, type Violation } from './checkers/checkers.ts';
import { type FaultName, injector, type Strike } from './faults.ts';
import type { Guest, Hosts } from './guest.ts';
import { ADA, giveBy, HUMANS, receivers } from './people.ts';
import { type Run, record } from './recording.ts';
import {
  type Behaviour,
  createScenario,
  FUNCTION,
  ROLLOUT,
  type Scenario,
  type ScenarioOptions,
  SERVICE,
} from './scenario.ts';
import { siteGuest } from './site.ts';
import { pastOf, type Sky, skyOf } from './sky.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Traffic before the upload, so that stable has a history. */
const WARM_MINUTES = 12;
/** Time after the last end in which late calls and events still arrive. */
const DUST_MINUTES = 15;
/** Virtual time after which a world is left as it is; the checkers then find what never ended. */
const HOURS_MAX = 72;

/** Who orders again and again, and resumes what they paused. */
const RESTLESS = 'eve';

/** How a world went. */
export interface Played {
  run: Run;
  violations: Violation[];
  strikes: Strike[];
  bounds: Bound[];
  /** SHA-256 over all that happened: one case gives one history. */
  digest: string;
  uploadedAt: number;
}

/** What a rollout may take its time for if an execution has to be found dead, twice if need be. */
const DISTURBED_MS = 20 * MINUTE;
/** What it may take its time for if calls fail now and then, which are made again within seconds: a tick is late, or one is lost. */
const NOISY = { tickMs: 5 * MINUTE, outMs: MINUTE };

/** If nobody can do anything, what is to be done waits for the end of that. */
const OUTAGES: readonly FaultName[] = [
  'journalAway',
  'metricsAway',
  'lambdaAway',
  'functionUpdating',
  'accountRefuses',
  'measureEnded',
  'revertBroken',
  'concurrencyGone',
  'concurrencyGoneForAll',
];

/** What ends a function or its execution, so that the watchdog has to find it. */
const DEADLY: readonly FaultName[] = [
  'executionStopped',
  'ordersToTheDead',
  'diesBefore',
  'diesAfter',
  'hangs',
];

/** Functions that report what happens: no rollout waits for one, so what strikes there excuses nothing. */
const REPORTING = /^(?:ApiPublic|Notify|SlackAction|Transitions)\b/;

/** Tries of an opening that was asked for by an event, a minute apart or more (Lambda developer guide, "Asynchronous invocation"): if each was struck, the watchdog has to begin. */
const OPENING_TRIES = 3;

/** Only what delays a rollout excuses a delay: an outage, or a death. */
export function limitsOf({ noise, troubles, release }: Case, all: readonly Strike[]): Limits {
  const strikes = all.filter(({ where }) => !REPORTING.test(where));
  const isGood = release.kind === 'good';
  if (noise === 0 && troubles.length === 0) return { isGood };
  const skewMs = 2 * SKEW_MAX_MS;
  const outages = troubles.filter(({ fault }) => OUTAGES.includes(fault));
  const struck = strikes.filter(
    ({ fault, where }) => where.startsWith('OpenRollout') && fault !== 'invokedTwice',
  );
  const tries = struck.filter(({ at }, nth) => at - (struck[nth - 1]?.at ?? 0) >= MINUTE);
  const isDelayed =
    outages.length > 0 ||
    tries.length >= OPENING_TRIES ||
    // A revert needs no journal; the end that it could not write is written by whom the watchdog starts.
    strikes.some(({ where }) => where.startsWith('RevertTraffic journal.')) ||
    [...troubles, ...strikes].some(({ fault }) => DEADLY.includes(fault));
  if (!isDelayed) return { ...NOISY, skewMs, isGood };
  const waits = DISTURBED_MS + 1000 * outages.reduce((sum, { seconds }) => sum + seconds, 0);
  return { tickMs: waits, outMs: waits, skewMs, isGood };
}

/** Plays a case to its end and holds it against every promise. */
export async function playCase(given: Case, guestOf?: (hosts: Hosts) => Guest): Promise<Played> {
  const clock = virtualClock();
  const lasting = new Map<FaultName, boolean>();
  let stage: Scenario | undefined;
  const isCanaryServing = () => stage !== undefined && canaryShare(stage) > 0;
  const faults = injector({
    clock,
    seed: given.seed,
    faults: given.faults,
    noise: given.noise,
    only: given.only === undefined ? undefined : new Set(given.only),
    isOn: (trouble) =>
      lasting.get(trouble) === true && (!trouble.startsWith('concurrencyGone') || isCanaryServing()),
    skewMs: skewOf(given.seed),
    isReporting: given.reporting !== undefined,
  });
  const outside = receivers(given.reporting, {
    ...{ clock, faults },
    isAway: () => lasting.get('receiversAway') === true,
  });
  const hosts = { clock, intercept: faults.intercept, it: given };
  const guest = guestOf?.(hosts) ?? (given.hasSite === true ? siteGuest(hosts) : undefined);
  const it = guest === undefined ? given : joined(given, guest);
  let isWarm = false;
  let verifiedAt: number | undefined;
  const begunAt = clock.now();
  const sky = skyOf(it.weather, it.seed, begunAt + WARM_MINUTES * MINUTE);
  // What comes late does so by whole minutes, as counts are kept; otherwise one minute would show stable before a move alone.
  const isLate = (at: number) =>
    it.late?.isInVerify !== true ||
    (verifiedAt !== undefined && at >= Math.ceil(verifiedAt / MINUTE) * MINUTE);
  stage = createScenario({
    clock,
    seed: it.seed,
    requestsPerSecond: it.isFed ? 0 : (at) => it.requestsPerSecond * sky.factor(at) * restOf(it, stage),
    ...(it.weather === undefined ? {} : { weather: { errors: sky.errors, faults: sky.faults } }),
    ...(it.late === undefined ? {} : { lateness: latenessOf(it.late, isLate) }),
    regionLateMs: () => (it.late?.side === 'region' && isLate(clock.now()) ? it.late.minutes * MINUTE : 0),
    ...(it.release.kind === 'hanging' ? { timeoutSeconds: TIMEOUT_MAX_SECONDS } : {}),
    ...(it.ahead === undefined ? {} : { aheadMs: aheadOf(it.ahead) }),
    mixedUnits: () => lasting.get('unitsMixed') === true,
    stable: { errors: it.stableErrors, faults: USUAL_FAULTS },
    canaries: { 2: behaviourOf(it.release, it.stableErrors) },
    // A good release that goes out in place of somebody else's version is as good as that one, too.
    others: { errors: it.stableErrors, faults: USUAL_FAULTS },
    rollout: it.file,
    warmMinutes: WARM_MINUTES,
    ...(it.release.kind === 'slow' ? { medianMs: slowness(it.release.times) } : {}),
    hasOrders: isCounted(it),
    ...(it.uncounted === undefined
      ? {}
      : { counters: (version: string) => it.uncounted === 'canary' && version === '1' }),
    ...(isProbed(it) ? { code: usual(it) } : {}),
    ...(it.isZip === true ? { code: STABLE_ZIP, tags: { 'spillway:mode': 'zip' } } : {}),
    isDirect: true,
    ...outside.options,
    ...guest?.world,
    ...faults,
    changePorts: (ports) => faults.changePorts?.(guest?.ports?.(ports) ?? ports) ?? ports,
    copies: (rule) => (isWarm ? faults.copies(rule) : [0]),
  });
  furnish(stage, it, lasting);
  guest?.furnish?.(stage);
  outside.begin(stage);
  stage.follow(({ events, rollout }) => {
    if (rollout.opening.rolloutId !== FIRST) return;
    if (isVerifying(rollout)) verifiedAt ??= clock.now();
    for (const event of events) sky.follow(event, rollout, clock.now());
  });
  remember(stage, it, sky, begunAt);
  const recording = record(
    stage,
    guest?.observe === undefined ? SIMULATED_KINDS : [...SIMULATED_KINDS, guest.observe],
    { posted: outside.posted, deaf: faults.deaf, humans: HUMANS },
  );
  await clock.advance(WARM_MINUTES * MINUTE);
  evaluateAlarms(stage);
  isWarm = true;
  const uploadedAt = clock.now();
  if (it.troubles.some(({ fault }) => fault === 'movedBefore')) moveBefore(stage);
  const play = new Play(stage, clock, it, lasting, guest);
  await clock.run(play.release());
  await play.toTheEnd();
  const run = await clock.run(recording.finish());
  const limits = limitsOf(it, faults.strikes);
  return {
    run,
    violations: check(run, { ...limits, isGood: limits.isGood === true && guest?.isGood !== false }),
    strikes: faults.strikes,
    bounds: boundsOf(run),
    digest: digestOf(run, faults.strikes),
    uploadedAt,
  };
}

/** The same case with a target more. */
function joined({ isZip: _, ...it }: Case, { name, spec }: Guest): Case {
  const {
    targets = ROLLOUT.targets,
    smoke,
    hooks,
    ...file
  } = it.file as {
    targets?: object;
    smoke?: object[];
    hooks?: Record<string, object[]>;
  };
  // With several targets, each check names its own.
  const named = (checks: object[]) => checks.map((check) => ({ target: 'api', ...check }));
  const asked = {
    ...(smoke && { smoke: named(smoke) }),
    ...(hooks && {
      hooks: Object.fromEntries(Object.entries(hooks).map(([point, all]) => [point, named(all)])),
    }),
  };
  return { ...it, file: { ...file, ...asked, targets: { ...targets, [name]: spec } } };
}

/** What the files of each zip say of their age, so that its bytes, and with them the history of its world, do not depend on the day. */
const ZIPPED_AT = new Date(2026, 0, 5);

const zipOf = (answer: number) =>
  zipSync(
    { 'index.mjs': new TextEncoder().encode(`export const handler = () => ${answer};`) },
    { mtime: ZIPPED_AT },
  );

/** What a function runs that is published from zips, and what its release has in it; nobody invokes either. */
const [STABLE_ZIP, RELEASE_ZIP] = [zipOf(1), zipOf(2)];

/** What a deployment does whose template has the alias on the newest version. */
function moveBefore({ lambda }: Scenario): void {
  if (lambda.helpers.routing(FUNCTION, ALIAS).primary !== '1') return;
  const { operations, helpers } = lambda;
  if (!lambda.artifacts.has(`${FUNCTION}:2`)) helpers.publishCounted(FUNCTION);
  operations.UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion: '2' });
}

function canaryShare({ lambda }: Scenario): number {
  const { primary, weights } = lambda.helpers.routing(FUNCTION, ALIAS);
  return primary === '2' ? 100 : (weights['2'] ?? 0);
}

/** How far the clock of a function may be off; assumed, far above what machines with a time service show. */
const SKEW_MAX_MS = 1_000;

/** A clock that is off by the same for a function all along. */
function skewOf(seed: number): (fn: string) => number {
  const random = seededRandom(seed).fork('skew');
  return (fn) => Math.round((random.fork(fn).next() - 0.5) * 2 * SKEW_MAX_MS);
}

/** The part of the callers who are still there. */
function restOf({ leaving }: Case, stage: Scenario | undefined): number {
  if (leaving === undefined || stage === undefined) return 1;
  return canaryShare(stage) >= leaving.from ? leaving.rest : 1;
}

function latenessOf(
  { side, share, minutes }: Late,
  isLate: (at: number) => boolean,
): ScenarioOptions['lateness'] {
  const version = { canary: '2', stable: '1', both: undefined, region: undefined }[side];
  return (of, at) =>
    isLate(at) && (version === undefined || of === version) ? { share, ms: minutes * MINUTE } : undefined;
}

/** Puts into CloudWatch what it knows of the time before this world began. Who records the truth knows nothing of it. */
function remember({ cloudwatch }: Scenario, it: Case, sky: Sky, until: number): void {
  if (it.history === undefined) return;
  const { history, seed, requestsPerSecond } = it;
  const random = seededRandom(seed).fork('past');
  const calm = skyOf(undefined, seed, until);
  for (const functionName of it.targets === 2 ? [FUNCTION, WORKER] : [FUNCTION]) {
    const isFirst = functionName === FUNCTION;
    const of = { seed, sky: isFirst ? sky : calm, perMinute: requestsPerSecond * 60, until };
    for (const { start, count, ...shares } of pastOf(history, of)) {
      if (count === 0) continue;
      const errors = random.binomial(count, Math.min(1, it.stableErrors + shares.errors));
      const faults = errors + random.binomial(count - errors, Math.min(1, USUAL_FAULTS + shares.faults));
      const lost = isFirst && isCounted(it) ? random.binomial(count, USUAL_FAULTS) : undefined;
      cloudwatch.invocations({
        ...{ functionName, alias: ALIAS, version: '1', minute: start, count, errors },
        faults: isFirst && it.uncounted === 'both' ? undefined : faults,
        orders: lost === undefined ? undefined : { taken: count, lost },
      });
    }
  }
}

/**
 * The most that the clock of a sandbox is fast. Lambda keeps it by NTP (Lambda developer guide, on the environment variable TZ), which is
 * far less than a second off; a whole minute is assumed, since metrics are stamped by the minute. More would outlast the bakes of these plans.
 */
const AHEAD_MAX_MS = MINUTE;

function aheadOf({ side }: NonNullable<Case['ahead']>): (version: string) => number {
  return (version) => ((side === 'stable') === (version === '1') ? AHEAD_MAX_MS : 0);
}

function slowness(times: number): Rate {
  return (version) => (version === '2' ? 100 * times : 100);
}

/** Share of requests that stable answers with a failure, or whose order it loses. */
const USUAL_FAULTS = 0.001;

function behaviourOf(release: Release, usual: number): Behaviour {
  switch (release.kind) {
    case 'good':
    case 'slow':
      return { errors: usual };
    case 'crashing':
      return { errors: 1 };
    case 'bad':
      return { errors: usual, [release.as]: release.share };
    case 'a little worse': {
      const { as, times } = release;
      return { errors: usual, [as]: times * (as === 'errors' ? usual : USUAL_FAULTS) };
    }
    case 'throttled':
    case 'uncounted': {
      const { kind, share, from } = release;
      return {
        errors: usual,
        [kind]: (_: string, __: number, weight: number) => (weight >= from ? share : 0),
      };
    }
    case 'hanging':
      return { errors: usual, hanging: release.share };
    case 'leaking': {
      // Slower and slower as the garbage collector works harder (assumed), then killed: an error that Lambda counts (Lambda developer guide, "Troubleshoot invocation issues", on memory).
      let first: number | undefined;
      const done = (at: number) => {
        first ??= at;
        return (at - first) / (release.minutes * MINUTE);
      };
      return {
        errors: usual,
        killed: (_: string, at: number) => (done(at) >= 1 ? 0.3 : 0),
        unasked: (_: string, at: number) => Math.min(0.9, done(at)),
      };
    }
    case 'under load': {
      const { as, share, from } = release;
      return {
        errors: usual,
        [as]: (_: string, __: number, weight: number) => (weight >= from ? share : usual),
      };
    }
    case 'after promotion': {
      const { as, share, minutes, above } = release;
      let first: number | undefined;
      return {
        errors: usual,
        [as]: (_: string, at: number, weight: number) => {
          if (weight > above) first ??= at;
          return first !== undefined && at - first >= minutes * MINUTE ? share : usual;
        },
      };
    }
    case 'late': {
      const { as, share, minutes } = release;
      let first: number | undefined;
      return {
        errors: usual,
        [as]: (_: string, at: number) => {
          first ??= at;
          return at - first > minutes * MINUTE ? share : usual;
        },
      };
    }
  }
}

/** Code that answers 500 to this share of what it is asked. */
function answering(share: () => number, random: Random): Model {
  return () => ({ statusCode: random.next() < share() ? 500 : 200, body: 'answered' });
}

/** Code that fails as stable does. */
const usual = ({ seed, stableErrors }: Case): Model =>
  answering(() => stableErrors, seededRandom(seed).fork('stable answers'));

/** Code that fails what it is asked as it fails its users, and is killed as often for its memory. */
function onTrial({ seed, release, stableErrors }: Case, stage: Scenario): Model {
  const { killed, ...rates } = behaviourOf(release, stableErrors);
  const shareOf = (of: Rate | number) =>
    typeof of === 'number' ? of : of('2', stage.clock.now(), canaryShare(stage));
  const deaths = seededRandom(seed).fork('canary deaths');
  const answer = answering(
    () => Math.max(...Object.values(rates).map(shareOf)),
    seededRandom(seed).fork('canary answers'),
  );
  return (...request) => {
    if (killed !== undefined && deaths.next() < shareOf(killed)) throw new KilledForMemory();
    return answer(...request);
  };
}

/** Share of its messages that a version hands back: none but for the fault of the release. */
function handedBack(release: Release): Rate {
  const { errors, faults } = behaviourOf(release, 0);
  const shareOf = (of: Rate | number | undefined, ...met: Parameters<Rate>) =>
    typeof of === 'function' ? of(...met) : (of ?? 0);
  return (version, ...met) =>
    version === '2' ? Math.max(shareOf(errors, version, ...met), shareOf(faults, version, ...met)) : 0;
}

/** Puts into the world what the case needs besides its function. */
function furnish(stage: Scenario, it: Case, lasting: ReadonlyMap<FaultName, boolean>): void {
  const { helpers } = stage.lambda;
  const tags = { 'spillway:service': SERVICE };
  if (isProbed(it)) helpers.publish(FUNCTION, onTrial(it, stage));
  if (it.targets === 2) {
    helpers.createFunction({ name: WORKER, tags });
    helpers.createAlias(WORKER, ALIAS, helpers.publishCounted(WORKER));
    helpers.publishCounted(WORKER);
    stage.addTraffic({
      functionName: WORKER,
      requestsPerSecond: it.requestsPerSecond,
      errorRate: () => it.stableErrors,
      faultRate: () => USUAL_FAULTS,
    });
  }
  if (it.isFed)
    stage.addQueue({
      functionName: FUNCTION,
      ...QUEUE,
      messagesPerSecond: it.requestsPerSecond,
      failRate: handedBack(it.release),
    });
  if (it.file.hooks !== undefined) {
    helpers.createFunction({ name: HOOK, tags });
    const answers = seededRandom(it.seed).fork('hook answers');
    helpers.deployModel(HOOK, () => {
      if (lasting.get('hookSilent') === true) return { status: 'pending' };
      return answers.next() < (it.hook?.share ?? 0) ? answerOf(it.hook) : PASS;
    });
  }
  if (it.alarm !== undefined)
    stage.cloudwatch.operations.PutMetricAlarmCommand?.({
      AlarmName: ALARM,
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: countedBy(it),
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: it.alarm === 'red' ? 0 : Math.max(3, it.requestsPerSecond * 60 * 0.03),
      TreatMissingData: it.alarm === 'red' ? 'breaching' : 'notBreaching',
    } as never);
}

const PASS = { status: 'pass', reason: 'it looks well' };

/** Whose errors the alarm counts: those of the whole function, of the first release or of the version before it. */
function countedBy({ alarm, seed }: Case) {
  const version = alarm === 'red' ? undefined : [undefined, '1', '2'][seed % 3];
  const dimensions = { FunctionName: FUNCTION, Resource: `${FUNCTION}:${ALIAS}`, ExecutedVersion: version };
  return version === undefined
    ? [{ Name: 'FunctionName', Value: FUNCTION }]
    : Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}

/** What a hook does that does not pass. */
function answerOf(hook: Case['hook']): unknown {
  switch (hook?.answers) {
    case 'fail':
    case 'inconclusive':
      return { status: hook.answers, reason: 'the report says so' };
    case 'nonsense':
      return { ok: true };
    case 'throws':
      throw new TypeError("Cannot read properties of undefined (reading 'orders')");
    case 'killed':
      throw new KilledForMemory();
    default:
      return PASS;
  }
}

/** What CloudWatch does once a minute. */
function evaluateAlarms({ traffics, cloudwatch }: Scenario): void {
  for (const [, traffic] of traffics) traffic.settle();
  cloudwatch.evaluate();
}

/** The rollout of the first release. */
export const FIRST = `${SERVICE}--r1--1`;

/** How far reads of an alias may lag behind its writes; assumed, AWS promises nothing. */
const LAG_MAX_MS = 1_000;

/** Troubles in which somebody else publishes a version. */
const PUBLISHING: readonly FaultName[] = ['strangerMoves', 'otherDeploy', 'secondRelease', 'sameArtifact'];

/** Times that a person asks again after an error; a controller that is down for minutes costs several. */
const ASKED_MAX = 40;

/** Who and what else has to do with a rollout: people, other tools, and what goes wrong at a moment. */
class Play {
  readonly #stage: Scenario;
  readonly #clock: VirtualClock;
  readonly #case: Case;
  readonly #lasting: Map<FaultName, boolean>;
  readonly #counts = new Map<string, number>();
  readonly #waiting: { event: string; nth: number; act: () => void }[] = [];
  readonly #random: Random;
  readonly #opened = new Set<string>();
  #releases = 0;
  #given = 0;
  #isOver = false;

  readonly #guest: Guest | undefined;

  constructor(
    stage: Scenario,
    clock: VirtualClock,
    it: Case,
    lasting: Map<FaultName, boolean>,
    guest: Guest | undefined,
  ) {
    this.#guest = guest;
    this.#stage = stage;
    this.#clock = clock;
    this.#case = it;
    this.#lasting = lasting;
    this.#random = seededRandom(it.seed).fork('person');
    stage.follow(({ events, rollout }) => {
      for (const event of events) this.#happened(event, rollout.opening);
    });
    for (const { does, when, by, again } of it.commands)
      this.#at(when, () => this.#command(does, { by, again }));
    for (const trouble of it.troubles) this.#at(trouble.when, () => this.#trouble(trouble));
    if (it.alarm !== undefined) void this.#evaluateAlarms();
  }

  /** Lets time pass until every rollout has ended and the dust has settled. */
  async toTheEnd(): Promise<void> {
    const limit = this.#clock.now() + HOURS_MAX * HOUR;
    for (let quiet = 0; quiet < 2 && this.#clock.now() < limit; ) {
      await this.#clock.advance(DUST_MINUTES * MINUTE);
      quiet = (await this.#isQuiet()) ? quiet + 1 : 0;
    }
    this.#isOver = true;
  }

  /** Uploads the next release, of this version of the function. */
  async release(version = '2'): Promise<void> {
    this.#releases += 1;
    const others = {
      ...(this.#case.targets === 2 ? { worker: { version: '2' } } : {}),
      ...(this.#guest && { [this.#guest.name]: this.#guest.artifact ?? { version: '2' } }),
    };
    const reversible = this.#case.isIrreversible !== true;
    const isZip = this.#case.isZip === true && version === '2';
    await this.#stage.release({
      order: this.#releases,
      ...(isZip
        ? { zip: RELEASE_ZIP, manifest: { reversible } }
        : { manifest: { reversible, targets: { api: { version }, ...others } } }),
    });
  }

  async #isQuiet(): Promise<boolean> {
    const { journal, stepFunctions, ports } = this.#stage;
    const heads = await journal.running();
    const head = await journal.read(FIRST);
    // The journal's end may not have been learned of; then each one's watchdog finds it at its next look.
    const first = Array.from({ length: this.#releases }, (_, before) => `${SERVICE}--r${before + 1}--1`);
    const ids = [...new Set([...first, ...this.#opened])];
    const watched = await this.#clock.run(Promise.all(ids.map((id) => ports.watchdog.frozen(id))));
    const isQuiet =
      heads.length === 0 &&
      (head === undefined || isEnded(head)) &&
      stepFunctions.executions.every(({ status }) => status !== 'RUNNING') &&
      watched.every((each) => each === undefined) &&
      this.#stage.undelivered() === 0;
    return isQuiet && (await this.#isReported(ids));
  }

  /** Whether nothing is left to be reported; somebody comes to work and acknowledges what is repeated until then. */
  async #isReported(ids: string[]): Promise<boolean> {
    if (this.#case.reporting === undefined) return true;
    const { ports, scheduler } = this.#stage;
    const left = ids.filter((id) =>
      ['say', 'die'].some((what) => scheduler.has(`${ports.about.scheduleGroup}-agenda/${id}.${what}`)),
    );
    for (const rolloutId of left) {
      const given = ports.commands.give({ command: 'acknowledge', rolloutId, by: ADA });
      // It is refused if nobody is paged, and a message is only late.
      await this.#clock.run(given.catch(() => undefined));
    }
    return left.length === 0;
  }

  #at({ ms, after }: Moment, act: () => Promise<unknown>): void {
    const begin = () =>
      void this.#clock
        .sleep(ms)
        .then(act)
        .catch(() => {});
    if (after === undefined) begin();
    else this.#waiting.push({ ...after, act: begin });
  }

  #happened(event: RolloutEvent, { rolloutId, reversible }: Opening): void {
    // At the end the locks are looked at, which opens rollouts that are none.
    if (this.#isOver) return;
    this.#opened.add(rolloutId);
    const count = (this.#counts.get(event.type) ?? 0) + 1;
    this.#counts.set(event.type, count);
    for (const waiting of this.#waiting)
      if (waiting.event === event.type && waiting.nth === count) waiting.act();
    if (event.type === 'GateOpened') void this.#pretend(rolloutId, event.gate);
    // Nobody leaves a paused rollout alone; one that only waits for its metrics goes on by itself, or ends if it is reversible.
    if (event.type === 'Paused' && event.by.id !== RESTLESS && (event.why !== 'broken' || !reversible))
      void this.#clock
        .sleep(this.#random.int(4 * MINUTE))
        .then(() => this.#answer(rolloutId))
        .catch(() => {});
  }

  async #answer(rolloutId: string): Promise<void> {
    await this.#command(this.#random.next() < 0.5 ? 'abort' : 'promote', { rolloutId });
    await this.#command('resume', { rolloutId });
    // What was approved before has lapsed.
    if (this.#case.file.gates !== undefined) await this.#command('approve', { rolloutId });
  }

  /** Somebody who only says who it is, and signs with a key of its own, decides at a gate, as often as one opens. */
  async #pretend(rolloutId: string, gate: number): Promise<void> {
    for (const words of [{ command: 'approve' }, { command: 'reject', reason: 'I am ada' }]) {
      await this.#clock.sleep(1_000);
      await this.#stage.invoke('Command', { rolloutId, by: ADA.id, gate, ...words }).catch(() => {});
    }
    const forger = tokens(
      async () => JSON.stringify({ current: 'local', keys: { local: 'f0'.repeat(32) } }),
      {
        environment: this.#stage.environment,
        clock: this.#clock,
      },
    );
    const forged = await signedCommand(
      { command: 'approve', rolloutId, by: ADA, gate },
      { tokens: forger, clock: this.#clock },
    );
    await this.#stage.invoke('Command', forged).catch(() => {});
  }

  /** Gives a command, again if nobody can say what came of it, and then as often as it comes again by itself. */
  async #command(
    does: TimedCommand['does'],
    { rolloutId, by = 'ada', again = [] }: Pick<TimedCommand, 'by' | 'again'> & { rolloutId?: string } = {},
  ): Promise<void> {
    const meant = rolloutId ?? (await this.#meant(does));
    if (does === 'approve' && this.#lasting.get('gateSilent') === true) return;
    const words = await this.#words(does, meant);
    this.#given += 1;
    const request = { rolloutId: meant, ...words } as Omit<CommandRequest, 'by'>;
    const give = giveBy(by, this.#stage, request, this.#given);
    for (let asked = 0; asked < ASKED_MAX; asked++) {
      try {
        await give();
        break;
      } catch {
        await this.#clock.sleep(20_000);
      }
    }
    for (const ms of again) {
      await this.#clock.sleep(ms);
      await give().catch(() => {});
    }
  }

  /** The rollout that a person means: what serves, what was reverted last, or the first. */
  async #meant(does: TimedCommand['does']): Promise<string> {
    const { completed, quarantined = [] } = await this.#stage.journal.service(SERVICE);
    if (does === 'rollback') return completed?.rolloutId ?? FIRST;
    return does === 'retry' ? (quarantined.at(-1)?.rolloutId ?? FIRST) : FIRST;
  }

  async #words(does: TimedCommand['does'], rolloutId: string): Promise<object> {
    switch (does) {
      case 'pause':
      case 'rollback':
      case 'abort':
        return { command: does, reason: 'it looks odd' };
      case 'promote fully':
        return { command: 'promote', full: true };
      case 'approve': {
        const rollout = await this.#stage.journal.read(rolloutId);
        return { command: 'approve', gate: Number(Object.keys(rollout?.gates ?? { 1: 1 })[0] ?? 1) };
      }
      default:
        return { command: does };
    }
  }

  async #evaluateAlarms(): Promise<void> {
    while (!this.#isOver) {
      await this.#clock.sleep(MINUTE);
      evaluateAlarms(this.#stage);
    }
  }

  async #trouble({ fault, seconds, how }: Trouble): Promise<void> {
    const { clients, lambda, ports, stepFunctions } = this.#stage;
    const write = (change: Partial<UpdateAliasCommandInput>) =>
      clients.lambda.send(new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...change }));
    const other = () =>
      isProbed(this.#case)
        ? lambda.helpers.publish(FUNCTION, usual(this.#case))
        : lambda.helpers.publishCounted(FUNCTION);
    if (PUBLISHING.includes(fault)) await this.#published();
    this.#guest?.foreignWrite?.(this.#stage, fault, how);
    switch (fault) {
      case 'executionStopped':
        return ports.executions.stop(FIRST, 1 + Math.floor(how * 2), 'stopped by hand');
      case 'ordersToTheDead':
        await ports.executions.stop(FIRST, 1 + Math.floor(how * 2), 'stopped by hand');
        return this.#repeatOrders(this.#clock.now() + seconds * 1000);
      case 'executionRedriven': {
        const first = stepFunctions.execution(`${FIRST}-1`);
        if (first === undefined) return;
        const { machineArn: stateMachineArn, input } = first;
        await stepFunctions.startExecution({ stateMachineArn, name: `${FIRST}-redriven`, input });
        return;
      }
      case 'strangerMoves':
        return void (await write({ FunctionVersion: other() }));
      case 'strangerWeights':
        return void (await write(
          how < 0.5
            ? { RoutingConfig: { AdditionalVersionWeights: {} } }
            : { FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { '2': how } } },
        ));
      case 'strangerStamps':
        return void (await write({ Description: how < 0.5 ? 'managed by somebody else' : '' }));
      case 'otherDeploy':
        return void (await write({
          FunctionVersion: other(),
          RoutingConfig: { AdditionalVersionWeights: {} },
          Description: '',
        }));
      case 'strangerPutsBack': {
        const [version, beside] = how < 0.5 ? ['1', '2'] : ['2', '1'];
        const isShared = how % 0.5 > 0.3;
        return void (await write({
          FunctionVersion: version,
          RoutingConfig: { AdditionalVersionWeights: isShared ? { [beside]: 0.4 } : {} },
        }));
      }
      case 'stableDeleted':
        return this.#deleteStable();
      case 'pinRemoved':
        return this.#removePin(how < 0.5);
      case 'readsLag':
        lambda.helpers.lagReads(Math.ceil(how * LAG_MAX_MS));
        await this.#clock.sleep(seconds * 1000);
        return lambda.helpers.lagReads(0);
      case 'versionDeleted':
        return void (await clients.lambda.send(
          new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '2' }),
        ));
      case 'provisioned':
        return this.#provision(write, how < 0.2 ? 'nothing' : how < 0.6 ? 'promotion' : 'revert');
      case 'secondRelease':
        return this.release(other());
      case 'sameAgain':
        return this.release('2');
      case 'sameArtifact':
        // Lambda publishes the last version again only if something else was published in between.
        other();
        return this.release(lambda.helpers.republish(FUNCTION, '2'));
      case 'movedBefore':
        return;
      case 'messageDeleted': {
        const message = this.#stage.slack.messages.findLast(
          ({ thread, by }) => thread === undefined && by === 'bot',
        );
        if (message !== undefined) message.isDeleted = true;
        return;
      }
      default:
        this.#lasting.set(fault, true);
        await this.#clock.sleep(seconds * 1000);
        this.#lasting.set(fault, false);
    }
  }

  /** Less time lies between two commands than an execution has to answer one. */
  async #repeatOrders(until: number): Promise<void> {
    const order = (words: object) =>
      this.#stage.invoke('Command', { rolloutId: FIRST, by: RESTLESS, ...words }).catch(() => {});
    while (!this.#isOver && this.#clock.now() < until) {
      await order({ command: 'pause', reason: 'does it hear me?' });
      await this.#clock.sleep(5_000);
      await order({ command: 'resume' });
      await this.#clock.sleep(MINUTE);
    }
  }

  /** Behaviour belongs to version 2, so nobody else may publish before the release has; one that is never published keeps nobody waiting for ever. */
  async #published(): Promise<void> {
    while (!this.#isOver && !this.#stage.lambda.artifacts.has(`${FUNCTION}:2`))
      await this.#clock.sleep(MINUTE);
  }

  /** Lambda deletes no version that an alias names, so it is tried until the canary serves alone, or all is over. */
  async #deleteStable(): Promise<void> {
    const { clients } = this.#stage;
    while (!this.#isOver) {
      try {
        return void (await clients.lambda.send(
          new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '1' }),
        ));
      } catch {
        await this.#clock.sleep(20_000);
      }
    }
  }

  /** Waits for the pin, since it is there for as long as the canary serves alone. */
  async #removePin(isVersionToo: boolean): Promise<void> {
    const { helpers } = this.#stage.lambda;
    while (!this.#isOver && !helpers.removeAlias(FUNCTION, pinNameOf(ALIAS))) await this.#clock.sleep(20_000);
    if (isVersionToo) await this.#deleteStable();
  }

  /**
   * Once an alias with provisioned concurrency gets another version, Lambda itself keeps the traffic on the old one until the new one is
   * ready: after a promotion as after a revert. It gives the old one all of it, which nobody else may write, so here it is nearly all.
   */
  async #provision(
    write: (change: Partial<UpdateAliasCommandInput>) => Promise<unknown>,
    after: 'nothing' | 'promotion' | 'revert',
  ): Promise<void> {
    const { helpers } = this.#stage.lambda;
    const routing = () => helpers.routing(FUNCTION, ALIAS);
    if (after === 'nothing') return helpers.setProvisionedConcurrency(FUNCTION, ALIAS);
    for (const version of after === 'promotion' ? ['2'] : ['2', '1'])
      while (routing().primary !== version) {
        if (this.#isOver) return;
        await this.#clock.sleep(250);
      }
    const old = after === 'promotion' ? '1' : '2';
    await write({ RoutingConfig: { AdditionalVersionWeights: { [old]: PROVISIONING_WEIGHT } } });
    await this.#clock.sleep(1.5 * MINUTE);
    if (routing().weights[old] !== undefined)
      await write({ RoutingConfig: { AdditionalVersionWeights: {} } });
  }
}

/** What an old version keeps until the new one is provisioned; the closest to everything that may be written. */
const PROVISIONING_WEIGHT = 0.99;

function digestOf(run: Run, strikes: Strike[]): string {
  const hash = createHash('sha256');
  for (const entry of run.timeline)
    hash.update(JSON.stringify(entry.kind === 'append' ? [entry.at, entry.events, entry.met] : entry));
  hash.update(JSON.stringify([strikes, run.heads, run.executions, run.locks]));
  return hash.digest('hex');
}
