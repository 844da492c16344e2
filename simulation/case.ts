import type { Route } from '../core/people/access.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { ALIAS } from '../local/account.ts';
import { type Random, seededRandom } from '../local/random.ts';
import type { FaultName } from './faults.ts';
import { type Behaviour, FUNCTION } from './scenario.ts';
import type { Beginning, History, Weather } from './sky.ts';

const MINUTE = 60_000;
/** The second target's function. */
export const WORKER = 'checkout-prod-worker';
/** The function that hooks ask. */
export const HOOK = 'checkout-check';
/** The queue that may feed the function, and where it puts what failed too often. */
export const QUEUE = { queue: 'orders', dlq: 'orders-dlq' };
/** The alarm that a rollout file may name. */
export const ALARM = 'checkout-errors';

/** What the release on trial does to its users. */
export type Release =
  | { kind: 'good' }
  /** Fails this share from its first request on. */
  | { kind: 'bad'; as: keyof Behaviour; share: number }
  /** Fails so many times as often as stable, which is seldom proven and often looked at twice. */
  | { kind: 'a little worse'; as: keyof Behaviour; times: number }
  /** Fails only from this weight on. */
  | { kind: 'under load'; as: keyof Behaviour; share: number; from: number }
  /** Fails only from so many minutes after it first had more than this weight, which is that of the plan's last step. */
  | { kind: 'after promotion'; as: keyof Behaviour; share: number; minutes: number; above: number }
  /** Fails only after so many minutes of traffic. */
  | { kind: 'late'; as: keyof Behaviour; share: number; minutes: number }
  | { kind: 'crashing' }
  /** Answers this many times slower than stable. */
  | { kind: 'slow'; times: number }
  /** From this weight on, this share of its requests is turned away, or lost before AWS counts them. */
  | { kind: 'throttled' | 'uncounted'; share: number; from: number }
  /** Leaks memory: within so many minutes its callers wait until they make a tenth of the requests, and then it is killed again and again. */
  | { kind: 'leaking'; minutes: number }
  /** This share of its requests hangs until the time-out of the function, which is its longest: AWS counts them 15 minutes later. */
  | { kind: 'hanging'; share: number };

/** Callers who leave when the canary has this weight: so much of the requests is left. */
interface Leaving {
  from: number;
  rest: number;
}

/** Counts of one version, of both, or of all functions of the region, of which a share can be read minutes later than usual. */
export interface Late {
  side: 'canary' | 'stable' | 'both' | 'region';
  /** Whether that begins only once the canary is verified. */
  isInVerify?: true;
  share: number;
  minutes: number;
}

/** When something happens: so long after the upload, or after the n-th event of a type. */
export interface Moment {
  ms: number;
  after?: { event: RolloutEvent['type']; nth: number };
}

/** Who gives commands: Ada, or Ben, who also comes by Slack; or whoever has a link. */
export type Giver = 'ada' | 'ben' | 'ben in Slack' | 'a link';

/** What a person orders at some moment. */
export interface TimedCommand {
  does: 'pause' | 'resume' | 'promote' | 'promote fully' | 'approve' | 'abort' | 'rollback' | 'retry';
  when: Moment;
  /** Ada, if it is not said. */
  by?: Giver | undefined;
  /** How long after its answer the same click, or the same link, comes again each time, in milliseconds. */
  again?: number[] | undefined;
}

/** Who is reported to. */
export interface Reporting {
  routes: Route[];
  /** Whether Slack is posted to by an incoming webhook. */
  isByWebhook: boolean;
  /** Whether the settings say that Ben in Slack is Ben. */
  isNamed: boolean;
  /** Whether the same world is played with receivers that never fail as well, to see that nothing waited for them. */
  isCompared: boolean;
  /** Whether they never fail. */
  isMuted?: true;
}

/** Something that goes wrong at a moment, for a while if it lasts. */
export interface Trouble {
  fault: FaultName;
  when: Moment;
  seconds: number;
  /** Which of several ways, in [0, 1). */
  how: number;
}

/** One world to be simulated, in plain data: all of it follows from its seed, and any part can be taken away. */
export interface Case {
  seed: number;
  requestsPerSecond: number;
  /** Share of stable's requests that fail. */
  stableErrors: number;
  release: Release;
  /** Who leaves during the rollout, whatever the release does. */
  leaving?: Leaving;
  late?: Late;
  /** What both versions meet alike. */
  weather?: Weather | undefined;
  /** What CloudWatch knows of the time before; nothing if it is absent. */
  history?: History | undefined;
  /** Whose counters are stamped a minute in the future. */
  ahead?: { side: 'canary' | 'stable' };
  targets: 1 | 2;
  /** Whether the first target takes messages from a queue, as many a second, instead of requests; a failed one is handed back. */
  isFed: boolean;
  /** Whose handler does not count its answers: nobody's, or that of each release; absent if all count. */
  uncounted?: 'both' | 'canary';
  /** How the hook of the rollout file answers in this share of its calls, instead of "pass". */
  hook?: { answers: 'fail' | 'inconclusive' | 'throws' | 'nonsense' | 'killed'; share: number };
  /** Whether the release may not be reverted by itself once users met it. */
  isIrreversible?: boolean;
  /** Whether the controller publishes the release from an uploaded zip, instead of a version that is there already. */
  isZip?: boolean;
  /** Whether a site goes out with the functions. */
  hasSite?: true;
  /** Changes to the rollout file. */
  file: Record<string, unknown>;
  /** `errors` goes off by errors of the function; `red` has been red for ever. */
  alarm?: 'errors' | 'red';
  commands: TimedCommand[];
  /** Nobody is reported to if it is absent. */
  reporting?: Reporting;
  faults: FaultName[];
  /** Factor of the rates of all faults that strike by chance. */
  noise: number;
  troubles: Trouble[];
  /** Replays only these strikes. */
  only?: string[];
}

/** Earlier seeds have no sites, and keep the worlds that figures were published of. */
const SITES_FROM = 200_000;

/** Draws a world from its seed; `faults` are those that may come. */
export function caseOf(seed: number, faults: readonly FaultName[]): Case {
  const random = seededRandom(seed).fork('case');
  let release = suspicious(releaseOf(random.fork('release')), random.fork('a little worse'));
  const file = fileOf(random.fork('file'));
  const setting = random.fork('setting');
  const isLucky = (share: number) => setting.next() < share;
  const requestsPerSecond = among(setting, 0.05, 1, 5, 50, 50, 500);
  const targets = isLucky(0.2) ? 2 : 1;
  if (targets === 2) file.targets = { api: targetOf(FUNCTION), worker: targetOf(WORKER) };
  const stableErrors = among(setting, 0.0002, 0.001, 0.001, 0.01);
  const alarm = isLucky(0.2)
    ? among(setting, 'errors' as const, 'errors' as const, 'red' as const)
    : undefined;
  if (alarm !== undefined) file.alarms = [ALARM];
  if (release.kind === 'slow') file.watch = { errors: '1.5x', p95: '1.25x' };
  const isFed = release.kind !== 'slow' && random.fork('queue').next() < 0.15;
  if (isFed) feed(file, random.fork('limits'));
  holdOut(file, random.fork('hold-back'));
  const onSuspect = among(random.fork('suspicion'), undefined, 'pause', 'revert');
  if (onSuspect !== undefined) file.onSuspect = onSuspect;
  if (targets === 1 && !isFed) probe(file, random.fork('probes'));
  if (targets === 1 && !isFed) release = count(file, release, random.fork('orders of users'));
  const uncounted =
    targets === 1 && !isFed && release.kind !== 'slow' ? lost(random.fork('counters')) : undefined;
  // What nobody counts nobody can be held to.
  if (uncounted === 'both' && 'as' in release && release.as === 'faults')
    release = { ...release, as: 'errors' };
  const hook = hookOf(random.fork('hook'), file);
  const isIrreversible = random.fork('irreversible').next() < 0.05;
  const isZip = targets === 1 && !isFed && file.smoke === undefined && random.fork('zip').next() < 0.1;
  hurried(file, random.fork('early'));
  if (!isFed) release = hanging(silenced(release, random.fork('silence')), file, random.fork('hanging'));
  const apart = random.fork('counts');
  const leaving = isFed ? undefined : leavingOf(apart);
  const late = isFed || leaving !== undefined ? undefined : latenessOf(apart);
  const weather = isFed || leaving !== undefined ? undefined : weatherOf(random.fork('weather'));
  const history = isFed ? undefined : historyOf(random.fork('history'));
  release = promoted(release, file, random.fork('promoted'));
  // If one version counts in other minutes than the other, what both meet in one minute is compared with nothing; no rule sees that.
  const ahead = isFed || weather !== undefined ? undefined : aheadOf(random.fork('ahead'));
  const noise = faults.length === 0 ? 0 : among(setting, 0, 0.3, 1, 1, 3);
  // Without stable beside it, a loss of a part cannot be told from callers who left, nor at all while many more come.
  const last = (file.steps as { weight: number }[] | undefined)?.at(-1)?.weight ?? 0;
  if (release.kind === 'uncounted' && release.from > last)
    release = {
      ...release,
      share: weather !== undefined && 'times' in weather ? 1 : Math.max(0.97, release.share),
    };
  const recalls = random.fork('recalls');
  const isRecalled = weather !== undefined || release.kind === 'after promotion';
  /** Much of what happens in a world that may recall its canary happens about then. */
  const atRecall = <T extends { when: Moment }>(each: T): T =>
    isRecalled && recalls.next() < 0.5 ? { ...each, when: recallOf(recalls) } : each;
  const reporting = reportingOf(random.fork('reporting'));
  const people = reporting === undefined ? NOTHING : peopleOf(random.fork('people'), file, faults);
  const hasSite = seed >= SITES_FROM && random.fork('site').next() < 0.25;
  return {
    seed,
    requestsPerSecond,
    stableErrors,
    release,
    ...(leaving === undefined ? {} : { leaving }),
    ...(late === undefined ? {} : { late }),
    ...(weather === undefined ? {} : { weather }),
    ...(history === undefined ? {} : { history }),
    ...(ahead === undefined ? {} : { ahead }),
    targets,
    isFed,
    ...(hook === undefined ? {} : { hook }),
    ...(isIrreversible ? { isIrreversible } : {}),
    ...(isZip ? { isZip } : {}),
    file,
    ...(hasSite ? { hasSite } : {}),
    ...(uncounted === undefined ? {} : { uncounted }),
    ...(alarm === undefined ? {} : { alarm }),
    commands: [
      ...commandsOf(random.fork('orders'), file).map(atRecall),
      ...goingBackOf(random.fork('going back')),
      ...people.commands,
    ],
    ...(reporting === undefined ? {} : { reporting }),
    faults: [...faults],
    noise,
    // Only orders are ever counted in two units.
    troubles: [...troublesOf(random.fork('troubles'), faults), ...people.troubles]
      .filter(
        ({ fault }) =>
          (fault !== 'unitsMixed' || isCounted({ file })) &&
          (reporting !== undefined || !['receiversAway', 'messageDeleted'].includes(fault)) &&
          // A zip is no version before its rollout, so that nobody can have moved the alias to it.
          (fault !== 'movedBefore' || !isZip),
      )
      .map((trouble) => (LASTING.includes(trouble.fault) ? trouble : atRecall(trouble))),
  };
}

const among = <T>(random: Random, ...choices: [T, ...T[]]): T =>
  choices[random.int(choices.length)] ?? choices[0];

const targetOf = (lambda: string) => ({ lambda, alias: ALIAS });

function releaseOf(random: Random): Release {
  const as = random.next() < 0.5 ? 'errors' : 'faults';
  const share = 0.02 + random.next() / 2;
  const dice = random.next();
  if (dice < 0.5) return { kind: 'good' };
  if (dice < 0.65) return { kind: 'bad', as, share };
  if (dice < 0.78) return { kind: 'under load', as, share, from: 5 + random.int(90) };
  if (dice < 0.91) return { kind: 'late', as, share, minutes: 1 + random.int(10) };
  if (dice < 0.97) return { kind: 'crashing' };
  return { kind: 'slow', times: 2 + random.int(4) };
}

/** Some releases of each kind are so little worse than stable that their worlds stay suspicious. */
function suspicious(release: Release, random: Random): Release {
  if (release.kind === 'slow' || random.next() >= 0.08) return release;
  const as = among(random, 'errors', 'faults');
  return { kind: 'a little worse', as, times: 1.3 + 2.7 * random.next() };
}

/** Some releases of each kind do their harm where no invocation shows it. */
function silenced(release: Release, random: Random): Release {
  if (release.kind === 'slow' || random.next() >= 0.12) return release;
  const from = among(random, 0, 0, 50, 100);
  const share = among(random, 1, 1, 0.97, 0.6);
  const kind = among(random, 'throttled', 'uncounted', 'uncounted', 'leaking');
  return kind === 'leaking' ? { kind, minutes: 3 + random.int(15) } : { kind, share, from };
}

/** The longest time-out of a function, which some releases run into (Lambda developer guide, "Lambda quotas"). */
export const TIMEOUT_MAX_SECONDS = 900;

/** Some releases hang, in plans whose bakes are shorter than the time-out. */
function hanging(release: Release, file: Case['file'], random: Random): Release {
  if (release.kind === 'slow' || random.next() >= 0.04) return release;
  const steps = file.steps as { weight: number }[] | undefined;
  if (steps !== undefined) file.steps = steps.map(({ weight }) => ({ weight, bake: '5m', maxBake: '20m' }));
  // Without stable beside it, a loss of a part cannot be told from callers who left.
  return { kind: 'hanging', share: steps === undefined ? 1 : among(random, 1, 0.5, 0.25) };
}

function aheadOf(random: Random): Case['ahead'] {
  return random.next() < 0.05 ? { side: among(random, 'canary', 'stable') } : undefined;
}

function leavingOf(random: Random): Leaving | undefined {
  return random.next() < 0.06
    ? { from: among(random, 1, 100, 100), rest: among(random, 0, 0, 0.1) }
    : undefined;
}

function latenessOf(random: Random): Late | undefined {
  if (random.next() >= 0.1) return undefined;
  const side = among(random, 'canary', 'stable', 'both', 'region');
  const share = among(random, 1, 0.5, 0.9);
  const minutes = 1 + random.int(8);
  const isInVerify = random.next() < 0.3;
  return { side, share: side === 'region' ? 1 : share, minutes, ...(isInVerify ? { isInVerify } : {}) };
}

/** What both versions meet in some worlds. */
function weatherOf(random: Random): Weather | undefined {
  if (random.next() >= 0.4) return undefined;
  const isUsual = random.next() < 0.6;
  const share = among(random, 0.05, 0.5);
  const begins: Beginning = {
    phase: among(random, 'steps', 'holdout', 'alone', 'alone'),
    ms: among(random, 0, random.int(MINUTE), random.int(8 * MINUTE)),
  };
  const minutes = 1 + random.int(5);
  switch (random.int(8)) {
    case 0:
      return {
        kind: 'outages',
        every: among(random, 60, 15),
        share,
        as: among(random, 'errors', 'faults'),
        isUsual,
      };
    case 1:
      return { kind: 'outage', begins, minutes, share };
    case 2:
      return { kind: 'at moves', seconds: among(random, 30, 90), share };
    case 3:
      return { kind: 'dispersed', share: 0.01, shape: among(random, 1, 2, 10), isUsual };
    case 4:
      return { kind: 'flash crowd', begins, times: 20, minutes, share: 0.02 };
    case 5:
      return { kind: 'batch', every: among(random, 15, 60), times: 3, share: 0.2, isUsual };
    case 6:
      return { kind: 'ramp', times: 3, share: 0.009, isUsual };
    default:
      return { kind: 'silence', begins, minutes: among(random, 2, 10, 60) };
  }
}

function historyOf(random: Random): History | undefined {
  const dice = random.next();
  if (dice < 0.15) return undefined;
  const day = 24 * 60;
  return {
    // A whole day takes as long to read as a dozen looks at a step.
    minutes: dice < 0.55 ? 60 : dice < 0.6 ? 2 * day : day,
    gaps: random.next() < 0.2 ? 1 + random.int(5) : 0,
    hasRollout: random.next() < 0.2,
  };
}

/** Some releases do their harm only after promotion, or only at a weight that no step has. */
function promoted(release: Release, file: Case['file'], random: Random): Release {
  if (!('as' in release) || random.next() >= 0.35) return release;
  const { as } = release;
  const share = among(random, 0.05, 0.2, 0.5);
  const steps = file.steps as { weight: number }[] | undefined;
  return random.next() < 0.5
    ? { kind: 'under load', as, share, from: among(random, 26, 51, 97, 100) }
    : { kind: 'after promotion', as, share, minutes: random.int(10), above: steps?.at(-1)?.weight ?? 0 };
}

function recallOf(random: Random): Moment {
  return {
    ms: random.int(among(random, 60, 3_000, 6 * MINUTE)),
    after: { event: among(random, 'RecallOrdered', 'RecallOrdered', 'RecallEnded'), nth: 1 + random.int(2) },
  };
}

function fileOf(random: Random): Record<string, unknown> {
  const verify = among(random, '0m', '1m', '2m', '3m', '5m', '10m');
  const onInconclusive = among(random, 'pause', 'promote', 'revert');
  const hooks =
    random.next() < 0.2
      ? {
          [among(random, 'beforeTraffic', 'beforeStep', 'afterStep', 'beforePromotion', 'afterPromotion')]: [
            {
              lambda: HOOK,
              timeout: '2m',
              onBroken: among(random, 'revert', 'pause', 'ignore'),
              target: 'api',
            },
          ],
        }
      : undefined;
  const gates =
    random.next() < 0.15
      ? [
          {
            before: 1 + random.int(100),
            timeout: `${5 + random.int(10)}m`,
            onTimeout: among(random, 'revert', 'promote'),
          },
        ]
      : undefined;
  const asked = { ...(hooks === undefined ? {} : { hooks }), ...(gates === undefined ? {} : { gates }) };
  if (random.next() < 0.1)
    return { steps: undefined, strategy: 'all-at-once', verify, onInconclusive, ...asked };
  const weights = new Set(Array.from({ length: 1 + random.int(4) }, () => 1 + random.int(99)));
  const steps = [...weights]
    .sort((a, b) => a - b)
    .map((weight) => ({ weight, bake: `${60 + random.int(120)}s`, maxBake: '5m' }));
  return { steps, verify, onInconclusive, ...asked };
}

/** How a hook of the file answers if it does not pass: mostly it does. */
function hookOf(random: Random, file: Case['file']): Case['hook'] {
  if (file.hooks === undefined || random.next() >= 0.4) return undefined;
  const answers = among(random, 'fail', 'inconclusive', 'throws', 'nonsense', 'killed');
  return { answers, share: among(random, 1, 0.5, 0.5) };
}

/** Has steps that end on proof, before their time is over, or that wait for a number of requests. */
function hurried(file: Case['file'], random: Random): void {
  if (random.next() < 0.08) file.watch = { ...(file.watch as object | undefined), promoteEarly: true };
  const steps = file.steps as { weight: number; bake?: string }[] | undefined;
  if (steps === undefined || random.next() >= 0.08) return;
  file.steps = steps.map((step) => ({
    ...step,
    until: { canary: `${among(random, 20, 300, 5_000)} invocations` },
  }));
}

/** Makes the first target one that a queue feeds. What is handed back is always limited, since nothing else sees it. */
function feed(file: Case['file'], random: Random): void {
  const isLucky = (share: number) => random.next() < share;
  const api = { ...targetOf(FUNCTION), source: 'sqs', ...QUEUE };
  file.targets = { ...(file.targets as object | undefined), api };
  file.watch = { errors: '1.5x' };
  file.limits = {
    batchFailures: among(random, 0, 5, 50),
    ...(isLucky(0.5) ? { dlqNew: among(random, 0, 20) } : {}),
    ...(isLucky(0.5) ? { oldestMessage: among(random, '2m', '15m') } : {}),
  };
}

/** Says itself how much stays on stable during verify, or nothing, or that doubt recalls nothing; most files leave that to the traffic. */
function holdOut(file: Case['file'], random: Random): void {
  const last = (file.steps as { weight: number }[] | undefined)?.at(-1)?.weight ?? 100;
  const percent = among(random, 0, 1 + random.int(10), 50);
  if (random.next() < 0.3 && (percent === 0 || (last <= 100 - percent && file.verify !== '0m')))
    file.holdout = percent;
  if (random.next() < 0.15) file.recall = 'off';
}

/** Has a smoke test, and puts it through both versions while the canary has traffic. */
function probe(file: Case['file'], random: Random): void {
  if (random.next() >= 0.15) return;
  file.smoke = [{ get: '/health', expect: { status: 200 } }];
  file.probe = { every: `${among(random, 5, 10, 20)}s` };
}

/** Has orders watched by metrics of the function's own; then what a release does wrong may show nowhere else. */
function count(file: Case['file'], release: Release, random: Random): Release {
  if (release.kind === 'slow' || random.next() >= 0.2) return release;
  file.watch = {
    ...{ errors: '1.5x', http5xx: '1.5x' },
    custom: { orders: { bad: 'Shop/OrdersLost', total: 'Shop/Orders' } },
  };
  return 'as' in release && random.next() < 0.5 ? { ...release, as: 'lost' } : release;
}

/** Whose counters are missing: in most worlds nobody's. */
function lost(random: Random): Case['uncounted'] {
  const dice = random.next();
  return dice < 0.06 ? 'both' : dice < 0.1 ? 'canary' : undefined;
}

/** Whether the function of this case counts orders. */
export const isCounted = ({ file }: Pick<Case, 'file'>): boolean =>
  'custom' in ((file.watch as object | undefined) ?? {});

/** Whether the function of this case runs code that can be asked. */
export const isProbed = ({ file }: Case): boolean => file.probe !== undefined;

const ANCHORS = [
  'RolloutOpened',
  'ShiftIntended',
  'Shifted',
  'Measured',
  'Promoted',
  'RevertOrdered',
  'RolloutClosed',
] as const;

/** Any second of the rollout, or just about something that happens in it. */
function momentOf(random: Random, minutes: number): Moment {
  if (random.next() < 0.5) return { ms: random.int(minutes * MINUTE) };
  return {
    ms: random.int(among(random, 60, 300, 5_000)),
    after: { event: among(random, ...ANCHORS), nth: 1 + random.int(3) },
  };
}

function commandsOf(random: Random, file: Record<string, unknown>): TimedCommand[] {
  const isBusy = random.next() < 0.35;
  const commands: TimedCommand[] = Array.from({ length: isBusy ? 1 + random.int(3) : 0 }, () => ({
    does: among(random, 'pause', 'resume', 'promote', 'promote fully', 'abort', 'abort'),
    when: momentOf(random, 14),
  }));
  if (file.gates !== undefined)
    commands.push({
      does: 'approve',
      when: { ms: random.int(8 * MINUTE), after: { event: 'GateOpened', nth: 1 } },
    });
  return commands;
}

/** Rollbacks of whatever has completed, a moment or minutes after an end, and once more; some are tried again. */
function goingBackOf(random: Random): TimedCommand[] {
  if (random.next() >= 0.25) return [];
  const after = (nth: number): Moment => ({
    ms: random.int(among(random, 60, 3_000, 10 * MINUTE)),
    after: { event: 'RolloutClosed', nth },
  });
  const isLucky = (share: number) => random.next() < share;
  return [
    { does: 'rollback', when: after(1 + random.int(2)) },
    ...(isLucky(0.4) ? [{ does: 'rollback' as const, when: after(1 + random.int(3)) }] : []),
    ...(isLucky(0.4) ? [{ does: 'retry' as const, when: after(2) }] : []),
    ...(isLucky(0.2) ? [{ does: 'abort' as const, when: after(1) }] : []),
  ];
}

/** Where some worlds report what happens. */
export const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:deploys';
const CHANNEL = '#deploys';
export const WEBHOOK = 'https://receiver.test/rollouts';

const NOTHING = { commands: [], troubles: [] };

/** One world in eight reports to somebody. */
function reportingOf(random: Random): Reporting | undefined {
  if (random.next() >= 1 / 8) return undefined;
  const isLucky = (share: number) => random.next() < share;
  const only = () => ({ only: among(random, undefined, undefined, 'important' as const, 'pages' as const) });
  const routes: Route[] = [
    ...(isLucky(0.5) ? [{ sns: TOPIC, ...only() }] : []),
    ...(isLucky(0.5) ? [{ webhook: WEBHOOK, ...only() }] : []),
  ];
  if (routes.length === 0 || isLucky(0.7)) routes.push({ slack: CHANNEL, ...only() });
  return { routes, isByWebhook: isLucky(0.2), isNamed: isLucky(0.5), isCompared: isLucky(0.1) };
}

/** What people do there besides: two press at once, links and clicks come again and while the journal is away, and gates ask two. */
function peopleOf(
  random: Random,
  file: Case['file'],
  faults: readonly FaultName[],
): { commands: TimedCommand[]; troubles: Trouble[] } {
  const isLucky = (share: number) => random.next() < share;
  const commands: TimedCommand[] = [];
  const troubles: Trouble[] = [];
  const again = () =>
    Array.from({ length: random.int(3) }, () => random.int(among(random, 50, 3_000, 20 * MINUTE)));
  if (isLucky(0.4)) {
    const when = momentOf(random, 14);
    const pressed: TimedCommand[] = [
      { does: 'abort', when, by: among(random, 'ada', 'ben', 'ben in Slack') },
      { does: among(random, 'promote', 'promote fully'), when, by: among(random, 'ada', 'ben') },
    ];
    commands.push(...(isLucky(0.5) ? pressed : pressed.reverse()));
  }
  for (let pressed = random.int(3); pressed > 0; pressed--) {
    const when = momentOf(random, 14);
    const does = among(random, 'pause', 'pause', 'abort');
    commands.push({ does, when, by: among(random, 'a link', 'a link', 'ben in Slack'), again: again() });
    if (isLucky(0.4) && faults.includes('journalAway'))
      troubles.push({ fault: 'journalAway', when, seconds: 5 + random.int(600), how: random.next() });
  }
  if (file.gates === undefined && isLucky(0.3))
    file.gates = [{ before: 1 + random.int(100), timeout: `${5 + random.int(10)}m`, onTimeout: 'revert' }];
  if (file.gates !== undefined && isLucky(0.7)) {
    file.gates = (file.gates as object[]).map((gate) => ({ ...gate, approvers: 2 }));
    for (const by of among<Giver[]>(random, ['ada', 'ben'], ['ben', 'ben in Slack'], ['ada', 'ben in Slack']))
      commands.push({
        ...{ does: 'approve', by },
        when: { ms: random.int(8 * MINUTE), after: { event: 'GateOpened', nth: 1 } },
      });
  }
  return { commands, troubles };
}

/** How likely each trouble is in a world, and how long it lasts at most, in seconds. */
const TROUBLES: Partial<Record<FaultName, { share: number; seconds?: number }>> = {
  journalAway: { share: 0.08, seconds: 900 },
  // Only where somebody is reported to.
  receiversAway: { share: 0.4, seconds: 10_800 },
  messageDeleted: { share: 0.2 },
  metricsAway: { share: 0.06, seconds: 900 },
  lambdaAway: { share: 0.05, seconds: 60 },
  functionUpdating: { share: 0.06, seconds: 120 },
  accountRefuses: { share: 0.04, seconds: 300 },
  revertBroken: { share: 0.06, seconds: 1800 },
  measureEnded: { share: 0.04, seconds: 600 },
  concurrencyGone: { share: 0.05, seconds: 3600 },
  concurrencyGoneForAll: { share: 0.04, seconds: 3600 },
  unitsMixed: { share: 0.15, seconds: 3600 },
  clockSkew: { share: 0.1, seconds: 259_200 },
  hookSilent: { share: 0.1, seconds: 259_200 },
  gateSilent: { share: 0.3 },
  executionStopped: { share: 0.08 },
  ordersToTheDead: { share: 0.04, seconds: 3600 },
  executionRedriven: { share: 0.06 },
  strangerMoves: { share: 0.03 },
  strangerWeights: { share: 0.04 },
  strangerStamps: { share: 0.03 },
  otherDeploy: { share: 0.03 },
  strangerPutsBack: { share: 0.06 },
  versionDeleted: { share: 0.03 },
  stableDeleted: { share: 0.05 },
  pinRemoved: { share: 0.06 },
  readsLag: { share: 0.06, seconds: 3600 },
  provisioned: { share: 0.03 },
  secondRelease: { share: 0.08 },
  sameAgain: { share: 0.05 },
  sameArtifact: { share: 0.05 },
  movedBefore: { share: 0.03 },
};

/** Those that are there from the start. */
const LASTING: readonly FaultName[] = ['clockSkew', 'hookSilent', 'gateSilent', 'movedBefore'];

function troublesOf(random: Random, faults: readonly FaultName[]): Trouble[] {
  return faults.flatMap((fault): Trouble[] => {
    const trouble = TROUBLES[fault];
    if (trouble === undefined) return [];
    // Each has its own chance, so that leaving one fault out moves no other.
    const own = random.fork(fault);
    if (own.next() >= trouble.share) return [];
    const isLasting = LASTING.includes(fault);
    const when = isLasting ? { ms: 0 } : momentOf(own, 14);
    const seconds = isLasting ? (trouble.seconds ?? 0) : Math.ceil(own.next() * (trouble.seconds ?? 0));
    return [{ fault, when, seconds, how: own.next() }];
  });
}
