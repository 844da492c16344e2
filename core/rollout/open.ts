import { countedBy } from '../analysis/alarms.ts';
import { evidenceOfShare, SUSPICIOUS } from '../analysis/evidence.ts';
import { sentAs } from '../analysis/finding/missing.ts';
import { type HeldOut, holdoutOf, requiredInVerify } from '../analysis/holdout.ts';
import { limitNotices, limitsOf } from '../analysis/limits.ts';
import { isOfAnswers, isOfClients, isOfFailures, type MetricName } from '../analysis/metrics.ts';
import { failurePastOf, outagesOf } from '../analysis/past.ts';
import { outlookOf } from '../analysis/planner.ts';
import { believable, knownWindows } from '../analysis/settled.ts';
import { pastFrom } from '../analysis/silence.ts';
import type { Alarm, FailurePast, LimitRule, Metric, Probing, Series, WatchRule } from '../analysis/types.ts';
import { type Opened, OUTAGE_SHARE, unseenBy } from '../analysis/unseen.ts';
import { isLatency, rulesFor, weightsOf } from '../analysis/weights.ts';
import { HISTORY_MS, sum } from '../analysis/windows.ts';
import type { Manifest } from '../config/manifest.ts';
import { gatesFrom, hooksFrom, limitsFrom, planFrom, probeFrom, watchFrom } from '../config/rollout-file.ts';
import { RolloutError } from '../errors.ts';
import { plainText } from '../plain-text.ts';
import { verifyMinutesOf, withHoldout } from '../plan/holdout.ts';
import type { Plan } from '../plan/plan.ts';
import { weightText } from '../plan/segments.ts';
import type { Completion, ResolvedTarget, ServiceRecord } from '../ports.ts';
import type { Target } from '../target.ts';
import { type Instant, type Seconds, WINDOW_MS } from '../units.ts';
import { duration, number, percent } from '../words.ts';
import { adopted, askedNow, completedVersion, driftNotices, foreignlyMoved, isOwn } from './adoption.ts';
import type { Hook, Identity, Made, Opening, RolloutEvent } from './event.ts';
import { arranged } from './leaders.ts';
import { keptOut, keptOutBy, type Offered, QUARANTINED_MAX } from './quarantine.ts';
import { BROKEN_PAUSE_SECONDS, deadlineOf } from './timing.ts';
import { withoutTried } from './tried.ts';

/** Everything that was looked up before a rollout is opened. */
export interface Found {
  identity: Identity;
  manifest: Manifest;
  service: ServiceRecord;
  targets: ResolvedTarget[];
  alarms: Alarm[];
  /** What was published of these artifacts in the environment that the manifest requires; absent if nothing was, or it requires none. */
  completion?: Completion | undefined;
  /** What stable did lately, by target: whether its metrics exist at all. */
  history: Record<string, Series>;
  /** What each target as a whole did in the day before, as counts of stable. */
  day: Record<string, Series>;
  /** How many rollouts run. */
  running: number;
}

/** Time from the end of a metric window until its values are read as complete, for calls that end at once. Assumed: CloudWatch promises none (Lambda developer guide, "Monitoring metrics"). */
const SETTLE_SECONDS: Seconds = 60;

/** A call is counted in the minute it began in but only when it ends; longer ones than this are caught by reading windows again. */
const SLOW_CALL_SECONDS: Seconds = 60;

/**
 * Opens a rollout, or says why there is nothing to do. Pure.
 * @throws RolloutError OpeningRefused naming the field and the fix
 */
export function open(
  { identity, manifest, service, alarms, completion, history, running, ...found }: Found,
  at: Instant,
): RolloutEvent[] {
  checkOrder(manifest, service);
  checkRequired(manifest, completion);
  const { targets, notices: led } = arranged(found.targets);
  const changed = targets.filter(({ target }) => target.canary !== target.stable);
  const still = targets.filter(({ target }) => target.canary === target.stable);
  const unchanged = still.map(({ target }) => target);
  // Only what this controller completed itself is known to be good.
  const moved = still.filter((each) => !isOwn(each, service));
  checkQuarantine(identity, targets, { changed: namesOf(changed), moved: namesOf(moved) }, service);
  if (changed.length === 0 && moved.length === 0) {
    return [
      {
        type: 'RolloutDeclined',
        at,
        ...identity,
        outcome: 'completed',
        reason: `already serving: ${targets.map(({ target }) => `${target.name} is at version ${target.stable}`).join(', ')}`,
      },
    ];
  }
  if (changed.length === 0)
    return [adoption({ identity, manifest, service, targets, alarms, running }, moved, at)];
  const file = manifest.rollout;
  const day = withoutTried(found.day, service.tried);
  const { plan: written, notices } = planFrom(file);
  const names = new Set([...changed, ...moved].map(({ target }) => target.name));
  const hooks = hooksFrom(file).filter((hook) => names.has(hook.target));
  const gates = gatesFrom(file);
  const probe = probeFrom(file);
  const settleSeconds =
    SETTLE_SECONDS + Math.min(SLOW_CALL_SECONDS, Math.max(...changed.map((each) => each.timeoutSeconds)));
  const settledTo = Math.floor((at - settleSeconds * 1000) / WINDOW_MS) * WINDOW_MS;
  const past = changed.flatMap(({ target: { name } }) => {
    const known = pastFrom(day[name]?.traffic, settledTo, verifyMinutesOf(written));
    return known === undefined ? [] : [[name, known] as const];
  });
  const slow = changed.filter(({ timeoutSeconds }) => timeoutSeconds > SLOW_CALL_SECONDS);
  const watch = watchable(watchFrom(file), changed, history);
  const plan = withHoldout(written, file.holdout ?? holdoutFor(written, watch.rules, changed, history));
  const usual = usualOf(plan, watch.rules, changed, { day, to: settledTo });
  const limits = limitsFrom(file).filter((rule) =>
    changed.some(({ target }) => limitsOf(target, [rule]).length > 0),
  );
  const outlook = outlookFor(
    {
      plan,
      watch: watch.rules,
      targets: changed.map(({ target }) => target),
      isProbed: probe !== undefined,
      canRecall: plan.recall !== false && manifest.reversible,
      ...(manifest.reversible ? { answerSeconds: BROKEN_PAUSE_SECONDS } : {}),
      timeouts: Object.fromEntries(
        changed.map(({ target, timeoutSeconds }) => [target.name, timeoutSeconds]),
      ),
      outages: outages(plan, watch.rules, changed, { day, to: settledTo }),
    },
    history,
  );
  return [
    {
      type: 'RolloutOpened',
      at,
      ...identity,
      order: manifest.order,
      commit: manifest.commit,
      author: manifest.author,
      targets: changed.map(({ target }) => target),
      ...(unchanged.length === 0 ? {} : { unchanged }),
      digests: digestsOf(targets),
      made: madeBy(targets),
      plan,
      hooks,
      gates,
      watch: watch.rules,
      limits,
      ...(probe === undefined ? {} : { probe }),
      ...(moved.length === 0
        ? {}
        : { adopted: { reason: foreignlyMoved(moved, service), beside: moved.map(adopted) } }),
      reversible: manifest.reversible,
      alarms: alarmsFrom(manifest, alarms),
      settleSeconds,
      ...(past.length === 0 ? {} : { past: Object.fromEntries(past) }),
      usual,
      ...(slow.length === 0
        ? {}
        : {
            timeouts: Object.fromEntries(
              slow.map(({ target, timeoutSeconds }) => [target.name, timeoutSeconds]),
            ),
          }),
      running,
      deadline: deadlineOf(plan, settleSeconds, at, { gates, hooks }),
      notices: [
        ...notices,
        ...led,
        ...driftNotices(changed, service),
        ...changed.flatMap((each) => each.notices.map(plainText)),
        ...changed.flatMap((each) => uncountedNotices(each, watch.rules, limits)),
        ...watch.notices,
        ...untimed(watch.rules, changed, history),
        ...unknowable(watch.rules, changed, history),
        ...unsent(watch.rules, changed, history),
        ...brokenShares(watch.rules, changed, { day, history }),
        ...changed
          .filter(({ target }) => past.every(([name]) => name !== target.name))
          .flatMap(({ target }) => pastUnknown(target.name, day[target.name])),
        ...slow.flatMap((each) => slowNotice(each, written)),
        ...unprobed(changed, hooks, probe),
        ...changed.flatMap(({ target }) => limitNotices(target, limits, plan, history[target.name])),
        ...redNotices(alarms),
        ...emptyAlarms(
          alarms,
          changed.map(({ target }) => target),
        ),
        ...blindAlarms(alarms, changed),
        ...slowAlarms(alarms, written),
        ...fullQuarantine(service),
      ],
      ...outlook,
    },
  ];
}

/**
 * Opens a rollout that raises nothing: its versions serve already, put there by something else. They are checked as far as
 * that is possible without a stable version beside them, and never called proven.
 */
function adoption(
  { identity, manifest, service, targets, alarms, running }: Omit<Found, 'completion' | 'history' | 'day'>,
  moved: ResolvedTarget[],
  at: Instant,
): RolloutEvent {
  const file = manifest.rollout;
  const { warmUpSeconds: _, ...written } = planFrom(file).plan;
  const plan = { ...written, steps: [], verifySeconds: 0 };
  const names = new Set(moved.map(({ target }) => target.name));
  const unchanged = targets.map(({ target }) => target).filter(({ name }) => !names.has(name));
  const hooks = askedNow(hooksFrom(file).filter((hook) => names.has(hook.target)));
  const settleSeconds = SETTLE_SECONDS;
  return {
    type: 'RolloutOpened',
    at,
    ...identity,
    order: manifest.order,
    commit: manifest.commit,
    author: manifest.author,
    targets: moved.map(adopted),
    ...(unchanged.length === 0 ? {} : { unchanged }),
    digests: digestsOf(targets),
    made: madeBy(targets),
    plan,
    hooks,
    gates: [],
    watch: [],
    limits: [],
    adopted: { reason: foreignlyMoved(moved, service) },
    reversible: manifest.reversible,
    alarms: alarmsFrom(manifest, alarms),
    settleSeconds,
    running,
    deadline: deadlineOf(plan, settleSeconds, at, { gates: [], hooks }),
    notices: [
      ...moved.flatMap((each) => each.notices.map(plainText)),
      ...(hooks.length === 0
        ? [
            'nothing can be asked about the version that serves already: the rollout file has neither smoke tests nor hooks',
          ]
        : []),
      ...redNotices(alarms),
      ...fullQuarantine(service),
    ],
  };
}

function alarmsFrom({ rollout }: Manifest, alarms: Alarm[]): Opening['alarms'] {
  return (rollout.alarms ?? []).map((name) => {
    const state = stateOf(name, alarms);
    return { name, red: state === 'alarm', ...(state === 'insufficient' ? { silent: true as const } : {}) };
  });
}

function redNotices(alarms: Alarm[]): string[] {
  return alarms
    .filter(({ state }) => state === 'alarm')
    .map(
      ({ name }) =>
        `alarm ${name} was red before the rollout; it is not held against this release unless it recovers and goes red again`,
    );
}

/** An alarm without data shows nothing, and one on the canary alone has none yet. */
function emptyAlarms(alarms: Alarm[], targets: readonly Target[]): string[] {
  return alarms
    .filter((alarm) => alarm.state === 'insufficient' && countedBy(targets, alarm) === 'any')
    .map(
      ({ name }) =>
        `alarm ${name} has too little data to be evaluated (INSUFFICIENT_DATA); while that lasts it shows nothing of this release; check its metric, its dimensions and how it treats missing data`,
    );
}

/** An alarm of the version that serves cannot show what the release does, and is quiet or red for want of data once that version is left. */
function blindAlarms(alarms: Alarm[], changed: readonly ResolvedTarget[]): string[] {
  const targets = changed.map(({ target }) => target);
  // A number that is not published yet may become this release's.
  const isComing = (version: string) =>
    targets.some(
      ({ traits, stable, canary }) =>
        canary === '' &&
        version.startsWith(`${traits.metricName}:`) &&
        Number(version.split(':').at(-1)) > Number(stable),
    );
  return alarms
    .filter((alarm) => countedBy(targets, alarm) === 'others' && !alarm.versions?.some(isComing))
    .map(
      ({ name, versions = [] }) =>
        `alarm ${name} counts the requests of ${versions.join(', ')} alone and never those of this release, so it is not held against it; take \`ExecutedVersion\` out of the alarm's dimensions, or take the alarm out of the rollout file`,
    );
}

/** An alarm that looks at more minutes than the canary is watched for may go red only when the rollout has gone on. */
function slowAlarms(alarms: Alarm[], plan: Plan): string[] {
  return alarms.flatMap(({ name, spanSeconds = 0 }) => {
    const short = bakesOf(plan).filter(({ bakeSeconds }) => bakeSeconds < spanSeconds);
    const [first] = short;
    if (first === undefined) return [];
    const where = short.map(({ at, bakeSeconds }) => `${at} (${duration(bakeSeconds)})`).join(', ');
    return [
      `alarm ${name} looks at ${duration(spanSeconds)} of data (its period times its evaluation periods), so it may go red too late for ${where}; shorten the alarm, or write \`${first.field}: ${Math.ceil(spanSeconds / 60)}m\` there`,
    ];
  });
}

/** What a full list forgets next is said while it can still be acted on. */
function fullQuarantine({ quarantined = [] }: ServiceRecord): string[] {
  const [oldest] = quarantined;
  return oldest === undefined || quarantined.length < QUARANTINED_MAX
    ? []
    : [
        `the quarantine of this service is full (${QUARANTINED_MAX} releases): the next one displaces ${oldest.release}, whose artifacts are then no longer recognized under another release id`,
      ];
}

const SERVED_ALREADY =
  '; if it serves already, something else put it there: point its target back to a good version';

/**
 * What can be refused before anything is looked up outside of the journal: such a release costs no call that services share.
 * @throws RolloutError OpeningRefused naming the field and the fix
 */
export function checkAtDoor(identity: Identity, manifest: Manifest, service: ServiceRecord): void {
  checkOrder(manifest, service);
  // A zip or an image may come with a configuration that was fixed, which only a look at the function tells.
  const made = Object.fromEntries(
    Object.entries(manifest.targets).flatMap(([name, { version }]) =>
      version === undefined ? [] : [[name, { version }]],
    ),
  );
  const changed = Object.keys(manifest.targets).filter((name) => !isCompleted(name, made[name], service));
  // Whether it serves already is not looked up here.
  const { rolloutId, release } = identity;
  assertNotQuarantined(rolloutId, { release, made, changed }, service, SERVED_ALREADY);
}

/** True for the version that completed here last on a target. */
export function isCompleted(name: string, made: Made | undefined, service: ServiceRecord): boolean {
  return made !== undefined && made.version === completedVersion(service, name);
}

/**
 * A release goes out after those that are newer only if somebody says so.
 * @throws RolloutError OpeningRefused naming the newer one
 */
export function checkOrder(
  manifest: Pick<Manifest, 'release' | 'order' | 'allowOlder'>,
  { completed, waiting }: ServiceRecord,
  underWay?: { release: string; order: number },
): void {
  if (manifest.allowOlder) return;
  const others = [
    ['serving', completed],
    ['waiting', waiting],
    ['under way', underWay],
  ] as const;
  for (const [what, newest] of others) {
    if (newest === undefined || newest.release === manifest.release || manifest.order > newest.order)
      continue;
    throw new RolloutError(
      'OpeningRefused',
      `order: release ${manifest.release} has order ${manifest.order}, but ${newest.release}, which is ${what}, has ${newest.order}; upload a newer release, or set "allowOlder": true to go back on purpose.`,
    );
  }
}

/** What each target is made of, by name; undefined if it cannot be said of all of them. */
export function digestsOf(targets: ResolvedTarget[]): Record<string, string> | undefined {
  const known = targets.flatMap(({ target, digest }) =>
    digest === undefined ? [] : [[target.name, digest] as const],
  );
  return known.length === targets.length ? Object.fromEntries(known) : undefined;
}

/** What each target serves, or is to serve, and what that is made of. */
export function madeBy(targets: ResolvedTarget[]): Record<string, Made> {
  return Object.fromEntries(
    targets.map(({ target, digest, config }) => [
      target.name,
      {
        version: target.canary,
        ...(digest === undefined ? {} : { code: digest }),
        ...(config === undefined ? {} : { config }),
      },
    ]),
  );
}

/** Only what its controller publishes counts: a manifest's own word for it would be that of whoever may upload. */
function checkRequired({ requires }: Manifest, completion: Completion | undefined): void {
  if (requires === undefined || completion?.completed) return;
  const { completedIn } = requires;
  const found =
    completion === undefined
      ? `exactly these artifacts are not reported as completed in environment ${completedIn}; release the same ones there first (both controllers must share one bucket of completions)`
      : `these artifacts were rolled back in environment ${completedIn} by ${completion.rolloutId}; release repaired ones there first`;
  throw new RolloutError('OpeningRefused', `requires.completedIn: ${found}.`);
}

/** The same artifact under a new name is still the artifact that was reverted. */
function checkQuarantine(
  { rolloutId, release }: Identity,
  targets: ResolvedTarget[],
  which: Pick<Offered, 'changed' | 'moved'>,
  service: ServiceRecord,
): void {
  assertNotQuarantined(rolloutId, { release, made: madeBy(targets), ...which }, service);
}

const namesOf = (targets: ResolvedTarget[]): string[] => targets.map(({ target }) => target.name);

function assertNotQuarantined(
  rolloutId: string,
  offered: Offered,
  service: ServiceRecord,
  served?: string,
): void {
  const [bad] = keptOutBy(offered, service);
  if (bad !== undefined)
    throw new RolloutError('OpeningRefused', keptOut(offered.release, rolloutId, bad, served));
}

function stateOf(name: string, alarms: Alarm[]): Alarm['state'] {
  const alarm = alarms.find((candidate) => candidate.name === name);
  if (alarm === undefined) {
    throw new RolloutError(
      'OpeningRefused',
      `alarms: there is no alarm "${name}" in this account and region; create it or take it out of the rollout file.`,
    );
  }
  return alarm.state;
}

/** A target that no probe asks is judged by its requests alone, which its owner may not expect. */
function unprobed(targets: ResolvedTarget[], hooks: Hook[], probe: Probing | undefined): string[] {
  if (probe === undefined) return [];
  return targets
    .map(({ target }) => target.name)
    .filter((name) => !hooks.some(({ id, target }) => target === name && probe.smoke.includes(id)))
    .map((name) => `no probe asks ${name}, so it is judged by its requests alone; add a smoke test with GET`);
}

/**
 * Marks the targets of which the serving version counted no responses lately, and reports them. The rule stays: requests that
 * nobody answers, as those of a warmer, look the same, and responses may be counted once users come.
 */
function watchable(
  rules: WatchRule[],
  targets: ResolvedTarget[],
  history: Record<string, Series>,
): { rules: WatchRule[]; notices: string[] } {
  const answering = targets
    .map(({ target }) => target)
    .filter(({ traits }) => traits.counts.includes('answers'));
  const blindTo = (metric: Metric) =>
    isOfAnswers(metric) ? answering.filter(({ name }) => isBlind(history[name] ?? {}, metric)) : [];
  const each = rules.map((rule) => ({ rule, blind: blindTo(rule.metric) }));
  return {
    rules: each.map(({ rule, blind }) =>
      blind.length === 0 ? rule : { ...rule, blind: blind.map(({ name }) => name) },
    ),
    notices: answering.flatMap((target) => {
      const metrics = each.filter(({ blind }) => blind.includes(target)).map(({ rule }) => rule.metric);
      if (metrics.length === 0) return [];
      const [verb, who] = metrics.length === 1 ? ['is', 'it is'] : ['are', 'they are'];
      return [
        `${metrics.join(' and ')} ${verb} not watched ${targets.length > 1 ? `on ${target.name} ` : ''}so far: version ${target.stable} of ${target.name} has counted no responses lately; ${who} watched once they are counted; wrap the handler with withSpillway`,
      ];
    }),
  };
}

/** The rules of a target that rest on what its handler counts, if its log drops those counts: whoever reads that they are missing cannot see why. */
function uncountedNotices(
  { target, uncounted }: ResolvedTarget,
  rules: WatchRule[],
  limits: LimitRule[],
): string[] {
  if (uncounted === undefined) return [];
  const counted = [
    ...rulesFor(target, rules).flatMap(({ metric }) =>
      isOfAnswers(metric) || isLatency(metric) ? [metric] : [],
    ),
    ...limitsOf(target, limits).flatMap(({ limit }) =>
      limit === 'batchFailures' ? [`limits.${limit}`] : [],
    ),
  ];
  if (counted.length === 0) return [];
  return [
    `${counted.join(' and ')} of ${target.name} cannot be measured: what withSpillway counts is logged with level INFO and dropped, since ${plainText(uncounted)} (LoggingConfig.ApplicationLogLevel); set it to INFO and publish again`,
  ];
}

/** Rules whose counts a comparison in verify rests on, with bad requests that can be told from the rest by more than a rank. */
const comparedRules = ({ target }: ResolvedTarget, rules: readonly WatchRule[]) =>
  rulesFor(target, rules).filter(
    (rule) => 'ratio' in rule && !isLatency(rule.metric) && rule.blind?.includes(target.name) !== true,
  );

/** What stays on stable in verify: by what each target does lately, the largest part that any of them needs. */
function holdoutFor(
  plan: Plan,
  rules: readonly WatchRule[],
  targets: ResolvedTarget[],
  history: Record<string, Series>,
): number {
  const verifyMinutes = plan.verifySeconds / 60;
  const each = targets.flatMap((resolved) => {
    const { target } = resolved;
    const parts = weightsOf([...rulesFor(target, rules).map(({ metric }) => metric), 'traffic']);
    return comparedRules(resolved, rules)
      .filter(({ metric }) => isOfFailures(metric))
      .map((rule): HeldOut => {
        const { windows } = believable(history[target.name]?.[rule.metric as 'errors'] ?? []);
        const { bad, total } = sum(windows.map(({ stable }) => stable));
        const part = (parts.get(rule.metric) ?? 1) / targets.length;
        return {
          perMinute: total / (HISTORY_MS / WINDOW_MS),
          share: bad / Math.max(1, total),
          ratio: 'ratio' in rule ? rule.ratio : 1,
          burst: target.traits.burst,
          required: requiredInVerify({ alpha: plan.alpha, part, verifyMinutes }),
        };
      });
  });
  return holdoutOf(each, plan.steps.at(-1)?.weight ?? 0);
}

/** What the plan finds, of the target that shows least, then what nothing sees, then the details of each target. */
function outlookFor(
  opened: Opened,
  history: Record<string, Series>,
): Pick<Opening, 'outlook' | 'leastFound'> {
  const each = outlookOf(opened, history);
  const weakest = each.toSorted((a, b) => b.smallest - a.smallest)[0];
  return {
    outlook: [
      ...(weakest === undefined ? [] : [weakest.found]),
      unseenBy(opened),
      ...each.flatMap(({ found, details }) => [...(each.length > 1 ? [found] : []), ...details]),
    ],
    ...(weakest === undefined ? {} : { leastFound: weakest.smallest }),
  };
}

/** How often each target had an outage of its own in the day before, by the rule that shows most. */
function outages(
  plan: Plan,
  rules: readonly WatchRule[],
  targets: ResolvedTarget[],
  { day, to }: { day: Record<string, Series>; to: Instant },
): Opened['outages'] {
  const asked = { to, verifyMinutes: verifyMinutesOf(plan), share: OUTAGE_SHARE };
  return Object.fromEntries(
    targets.map((resolved) => {
      const { name } = resolved.target;
      const found = comparedRules(resolved, rules)
        .filter(({ metric }) => !isOfClients(metric))
        .map(({ metric }) => outagesOf(day[name]?.[metric as 'errors'], asked));
      return [name, found.toSorted((a, b) => b.hit - a.hit)[0] ?? { stretches: 0, hit: 0 }];
    }),
  );
}

/** How each target fails by itself, for each rule that compares counts. */
function usualOf(
  plan: Plan,
  rules: readonly WatchRule[],
  targets: ResolvedTarget[],
  { day, to }: { day: Record<string, Series>; to: Instant },
): Record<string, Record<string, FailurePast>> {
  const verifyMinutes = verifyMinutesOf(plan);
  return Object.fromEntries(
    targets.map((resolved) => {
      const { name } = resolved.target;
      const usual = comparedRules(resolved, rules).map(({ metric }) => {
        const read = day[name]?.[metric as 'errors'];
        return [metric, failurePastOf(read, { to, verifyMinutes })] as const;
      });
      return [name, Object.fromEntries(usual)] as const;
    }),
  );
}

/** A rule about durations holds a rollout if stable counts none: whoever wrote it should not learn that at the end of a bake. */
function untimed(rules: WatchRule[], targets: ResolvedTarget[], history: Record<string, Series>): string[] {
  const slow = rules.map(({ metric }) => metric).filter(isLatency);
  if (slow.length === 0) return [];
  return targets
    .map(({ target }) => target)
    .filter(({ name }) => isBlind(history[name] ?? {}, 'latency'))
    .map(
      ({ name, stable }) =>
        `${slow.join(' and ')} cannot be judged so far: version ${stable} of ${name} has counted no durations lately, and no step passes without those of before the first raise; release withSpillway(handler, { latency: true }) first, without ${slow.length === 1 ? 'this rule' : 'these rules'}`,
    );
}

/** A share has no control: if the version that serves breaks it by itself, so does a release that is no worse. */
function brokenShares(
  rules: WatchRule[],
  targets: ResolvedTarget[],
  { day, history }: Record<'day' | 'history', Record<string, Series>>,
): string[] {
  return targets.flatMap(({ target }) =>
    rulesFor(target, rules).flatMap((rule) => {
      if (!('share' in rule)) return [];
      const { name, stable } = target;
      const counts = [day, history].map((read) =>
        sum(knownWindows(read[name]?.[rule.metric as 'errors']).map((window) => window.stable)),
      );
      const { bad, total } = counts.find((count) => count.total > 0) ?? { bad: 0, total: 0 };
      return evidenceOfShare({ bad, total }, rule.share, target.traits) < SUSPICIOUS
        ? []
        : [
            `${rule.metric}: version ${stable} of ${name} breaks this rule itself (${number(bad)} of ${number(total)} requests before the rollout were bad, and ${percent(rule.share)} is tolerated), so a release that is no worse is reverted; compare it with stable, like \`1.5x\`, or tolerate more than ${percent(bad / total)}`,
          ];
    }),
  );
}

/** A past that could not be read refuses no release, but nobody knows then what is due of it. */
function pastUnknown(name: string, series: Series | undefined): string[] {
  const why = series?.traffic?.find(({ unknown }) => unknown !== undefined);
  return why?.unknown !== undefined
    ? [
        `it is not known how often ${name} was called before this rollout, so requests that stop are not noticed once the new version serves alone: ${why.unknown}`,
      ]
    : [];
}

/** Each stretch in which a plan watches the canary, with the field that says how long. */
function bakesOf({ steps, verifySeconds }: Plan): { at: string; field: string; bakeSeconds: Seconds }[] {
  return [
    ...steps.map(({ weight, bakeSeconds }) => ({
      at: `the step at ${weightText(steps, weight)}`,
      field: 'bake',
      bakeSeconds,
    })),
    ...(verifySeconds === 0 ? [] : [{ at: 'verify', field: 'verify', bakeSeconds: verifySeconds }]),
  ];
}

/** What may run longer than a step bakes cannot be counted in it, which its owner should know before the rollout. */
function slowNotice({ target, timeoutSeconds }: ResolvedTarget, plan: Plan): string[] {
  const short = bakesOf(plan).filter(({ bakeSeconds }) => bakeSeconds < timeoutSeconds);
  const [first] = short;
  if (first === undefined) return [];
  const where = short.map(({ at, bakeSeconds }) => `${at} (${duration(bakeSeconds)})`).join(', ');
  const minutes = Math.ceil(timeoutSeconds / 60) + 1;
  return [
    `${target.name} has a time-out of ${duration(timeoutSeconds)}, and AWS counts a request only when it ends: one that hangs is not counted within ${where}. Lower the function's Timeout, or write \`${first.field}: ${minutes}m\` there; while requests that were due are not counted, no step passes`,
  ];
}

/** A metric of which the source says nothing usable holds a rollout: whoever wrote the rule should learn that at the opening. */
function unknowable(
  rules: WatchRule[],
  targets: ResolvedTarget[],
  history: Record<string, Series>,
): string[] {
  return targets.flatMap(({ target }) =>
    rulesFor(target, rules).flatMap(({ metric }) => {
      const read = metric === 'latency' ? [] : (history[target.name]?.[metric] ?? []);
      const newest = read.at(-1);
      return newest?.unknown !== undefined && knownWindows(read).length === 0
        ? [`${metric} of ${target.name} cannot be judged, so no step passes: ${newest.unknown}`]
        : [];
    }),
  );
}

/** A count of the user's own that nobody sends holds a rollout: whoever wrote the rule should learn that at the opening. */
function unsent(rules: WatchRule[], targets: ResolvedTarget[], history: Record<string, Series>): string[] {
  return targets.flatMap(({ target: { name, stable } }) =>
    rules.flatMap(({ metric, custom }) =>
      custom !== undefined &&
      isBlind(history[name] ?? {}, metric as 'errors') &&
      (history[name]?.[metric as 'errors'] ?? []).every(({ unknown }) => unknown === undefined)
        ? [
            `${metric} cannot be judged so far: version ${stable} of ${name} has sent nothing of ${sentAs(custom)} lately, and no step passes without it; look at its dimensions, or release what sends it first, without this rule`,
          ]
        : [],
    ),
  );
}

function isBlind(series: Series, counted: MetricName | 'latency'): boolean {
  const total = (metric: MetricName | 'latency') =>
    (metric === 'latency' ? (series.latency ?? []) : knownWindows(series[metric])).reduce(
      (sum, { stable }) => sum + (stable?.total ?? 0),
      0,
    );
  return total('errors') > 0 && total(counted) === 0;
}
