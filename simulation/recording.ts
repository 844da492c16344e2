import type { Obeyed } from '../controller/obey.ts';
import type { Route } from '../core/people/access.ts';
import type { Transition } from '../core/people/transition.ts';
import type { Actor } from '../core/rollout/actor.ts';
import { type CommandRequest, takesCommands } from '../core/rollout/command-request.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { emptyOpening, type Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import type { FunctionName } from '../infra/facts.ts';
import { caller } from '../local/running.ts';
import type { Counted, Met, Observe, Witness, WitnessedWrite } from '../local/witness.ts';
import type { World } from '../local/world.ts';
import { SIMULATED_KINDS } from '../targets/simulated.ts';
import { isUnheard } from './faults.ts';

/** One change of a target's routing that was taken, whoever sent it. */
export interface RoutingWrite extends WitnessedWrite {
  kind: 'write';
  at: Instant;
}

/** What a person asked of a rollout. */
interface Command {
  does: string;
  rolloutId: string;
  at: Instant;
  /** When it was accepted; undefined if it was refused or failed. */
  acceptedAt: Instant | undefined;
  /** When it was answered at all. */
  answeredAt?: Instant;
  isRefused?: boolean;
  /** True if it was answered that it had been carried out before. */
  isRepeated?: boolean;
  /** The rollout that carries it out, if another one was opened for it. */
  opened?: string | undefined;
  /** Who gave it, if the API had proven that. */
  provenBy?: string | undefined;
}

/** What the users of one version met in one window, as AWS counts it in time, and what it does not. */
export interface MetWindow extends Met {
  /** Failures that the other version would have had as well. */
  weather: number;
  /** Requests that were counted late. */
  late: number;
  /** Requests that were turned away, that never became an invocation, that hang until the time-out, or that nobody made because answers came slowly. */
  lost: number;
}

/** What the users of one version met in one window of which AWS counts these only later. */
interface MetLate {
  start: Instant;
  /** How much later than usual. */
  lateMs: number;
  requests: number;
  failed: number;
}

/** One append to the journal, with what users had met by then, by target and version as `served` writes them. */
export interface Append {
  kind: 'append';
  at: Instant;
  rollout: Rollout;
  events: RolloutEvent[];
  met: Record<string, Met>;
  /** How much later than usual CloudWatch showed anything of the region then. */
  regionLateMs: number;
  /** Calls of exact versions so far, as `served` writes them: smoke tests and probes, which no user makes. */
  put: Record<string, number>;
}

/** Where everybody outside can subscribe. */
export const BUS = 'bus';
/** Stands for the message about a rollout itself, whose text changes. */
export const ROLLOUT_MESSAGE = 'the message of the rollout';

/** Something that somebody outside heard of a rollout: on the bus, or where a route leads. */
export interface Said {
  at: Instant;
  /** The bus, or the key of a receiver. */
  to: string;
  /** The function that said it. */
  by: FunctionName | undefined;
  rolloutId: string;
  /** What it says of what happened, line by line. */
  lines: string[];
  /** True if whoever said it did not learn that it was heard, or nobody can read it any more. */
  isUnheard: boolean;
  /** Of what was announced. */
  id?: string;
  kind?: string;
  importance?: string;
}

/** What a world knows of those who hear and give commands, besides what AWS and Slack know. */
interface Aside {
  /** What receivers of webhooks heard. */
  posted: Said[];
  /** Calls that went wrong, or of which the answer was lost, by the function that made them; `op` is absent if its time was over. */
  deaf: { at: Instant; fn: FunctionName; op?: string }[];
  /** Who somebody is, by each identity that commands come under. */
  humans: Readonly<Record<string, string>>;
}

/** Everything the checkers look at, in the order in which it happened. */
export interface Run {
  timeline: (RoutingWrite | Append)[];
  /** When a target was read by somebody who got the answer: how many entries the timeline had then, for each look at a key. */
  looks: Record<string, number[]>;
  /** The same for looks whose answer reached nobody. */
  lostLooks: Record<string, number[]>;
  /** What the users of each version, as `served` writes it, met in each window, by its start. */
  windows: Record<string, Map<Instant, MetWindow>>;
  /** What of it was counted late. */
  late: Record<string, MetLate[]>;
  /** Versions that somebody deleted, as `served` writes them, and how many entries the timeline had then. */
  deleted: { version: string; index: number }[];
  /** Pins that somebody else removed, by the key of the target that they belonged to, and how many entries the timeline had then. */
  unpinned: { key: string; index: number }[];
  commands: Command[];
  heads: Rollout[];
  histories: Record<string, RolloutEvent[]>;
  /** Who holds the lock of each target at the end. */
  locks: Record<string, string | undefined>;
  /** Rollouts that a watchdog still watches. */
  watched: string[];
  /** What each published version is made of, as its service has it. */
  artifacts: Record<string, string>;
  executions: { name: string; status: string; stoppedAt: Instant | undefined; error?: string | undefined }[];
  /** Where routes lead, and how much of it they ask for. */
  receivers: { key: string; only: Route['only'] }[];
  /** What was heard outside. */
  said: Said[];
  /** Calls to whoever is outside, by the function that made them. */
  spoken: { at: Instant; to: string; by: FunctionName | undefined }[];
  /** What people were answered in Slack. */
  replies: { at: Instant; text: string }[];
  deaf: Aside['deaf'];
  /** Rollouts that Notify could not report since it was struck each time: their events went to its dead letters, which page a person. */
  letters: string[];
  humans: Aside['humans'];
}

/** The rollout that an append is of. */
export const idOf = ({ rollout }: Append): string => rollout.opening.rolloutId;

/** Records what happens in a world from now on, by those who see its targets; `finish` reads what stands at the end. */
export function record(
  world: World,
  kinds: readonly Observe[] = SIMULATED_KINDS,
  { posted, deaf, humans }: Aside = { posted: [], deaf: [], humans: {} },
): { finish(): Promise<Run> } {
  const timeline: Run['timeline'] = [];
  const seen: Pick<Run, 'looks' | 'lostLooks' | 'deleted' | 'unpinned' | 'windows' | 'late'> = {
    ...{ looks: {}, lostLooks: {}, deleted: [], unpinned: [], windows: {}, late: {} },
  };
  const put: Record<string, number> = {};
  const witness = witnessOf(world, timeline, seen, put);
  const truths = kinds.map((observe) => observe(world, witness));
  const commands = recordCommands(world);
  const voices = hear(world, posted);
  let isOver = false;
  world.follow(({ rollout, events }) => {
    if (isOver) return;
    timeline.push({
      kind: 'append',
      at: world.clock.now(),
      rollout,
      events,
      met: Object.assign({}, ...truths.map(({ met }) => met())),
      regionLateMs: world.cloudwatch.regionLateMs(),
      put: { ...put },
    });
  });
  return {
    async finish() {
      isOver = true;
      const ids = new Set(timeline.flatMap((entry) => (entry.kind === 'append' ? idOf(entry) : [])));
      const run: Run = {
        timeline,
        ...seen,
        commands,
        heads: [],
        histories: {},
        locks: {},
        watched: [],
        artifacts: Object.assign({}, ...truths.map(({ artifacts }) => artifacts())),
        executions: [],
        ...(await voices()),
        ...{ deaf, humans },
      };
      for (const id of ids) {
        const head = await world.journal.read(id);
        if (head === undefined) continue;
        run.heads.push(head);
        run.histories[id] = await world.journal.events(id);
        for (const target of head.opening.targets) run.locks[target.key] = await holder(world, target);
        if ((await world.ports.watchdog.frozen(id)) !== undefined) run.watched.push(id);
      }
      run.executions = world.stepFunctions.executions.map(({ name, status, stoppedAt, error }) => ({
        ...{ name, status, stoppedAt },
        ...(error === undefined ? {} : { error }),
      }));
      return run;
    },
  };
}

function witnessOf(
  { clock }: World,
  timeline: Run['timeline'],
  seen: Pick<Run, 'looks' | 'lostLooks' | 'deleted' | 'unpinned' | 'windows' | 'late'>,
  put: Append['put'],
): Witness {
  return {
    wrote: (write) => void timeline.push({ kind: 'write', at: clock.now(), ...write }),
    looking(key) {
      const present = timeline.length;
      return (lagging) => {
        // A look that lags behind saw the timeline as it was when that state ended; few do.
        const written =
          lagging === undefined
            ? -1
            : timeline.findLastIndex(
                (entry, at) => at < present && entry.kind === 'write' && entry.replaced === lagging,
              );
        const kept = isUnheard() ? seen.lostLooks : seen.looks;
        kept[key] ??= [];
        kept[key].push(written === -1 ? present : written);
      };
    },
    deleting(version) {
      const index = timeline.length;
      return () => void seen.deleted.push({ version, index });
    },
    unpinned: (key) => void seen.unpinned.push({ key, index: timeline.length }),
    called(version) {
      put[version] = (put[version] ?? 0) + 1;
    },
    counted: (version, runs) => count(runs, version, seen),
  };
}

function recordCommands(world: World): Command[] {
  const commands: Command[] = [];
  const { clock } = world;
  world.overhear((name, event, answer) => {
    if (!takesCommands(name)) return;
    const { command: does, rolloutId, by } = wantedBy(event as Wanted | { signed: string });
    const given: Command = { does, rolloutId, at: clock.now(), acceptedAt: undefined, provenBy: undefined };
    commands.push(given);
    if (typeof by === 'object')
      void isOwn(event as object, world).then((isProven) => {
        if (isProven) given.provenBy = by.id;
      });
    answer.then(
      (accepted) => {
        given.acceptedAt = given.answeredAt = clock.now();
        const { rolloutId: opened, isRepeated } = Object(accepted) as Partial<Obeyed>;
        Object.assign(given, { opened }, isRepeated === true ? { isRepeated } : {});
      },
      (error: unknown) => {
        given.answeredAt = clock.now();
        given.isRefused = error instanceof Error && error.name === 'CommandRefused';
      },
    );
  });
  return commands;
}

/** True for what this world itself has signed: a forged token says as well who it is of. */
async function isOwn(event: object, { ports }: World): Promise<boolean> {
  try {
    return 'signed' in event && (await ports.tokens.read('command', String(event.signed))) !== undefined;
  } catch {
    return false;
  }
}

/** Listens to whoever is outside, from now on; answers what was heard. */
function hear(
  world: World,
  posted: Said[],
): () => Promise<Pick<Run, 'receivers' | 'said' | 'spoken' | 'replies' | 'letters'>> {
  const { clock, events, scheduler, sns, slack, ports } = world;
  const announced: Said[] = [];
  const published: Said[] = [];
  const spoken: Run['spoken'] = [];
  const replies: Run['replies'] = [];
  const answer = slack.onAnswer;
  slack.onAnswer = async (request) => {
    const { text } = (await request.clone().json()) as { text: string };
    replies.push({ at: clock.now(), text });
    return answer(request);
  };
  const put = events.operations.PutEventsCommand;
  events.operations.PutEventsCommand = (input) => {
    const answer = put(input);
    for (const [index, { Source, Detail = '' }] of (input.Entries ?? []).entries()) {
      if (Source !== 'spillway') continue;
      spoken.push({ at: clock.now(), to: BUS, by: caller() });
      if (answer.Entries?.[index]?.ErrorCode === undefined)
        announced.push(saidBy(JSON.parse(Detail) as Transition, BUS, clock.now()));
    }
    return answer;
  };
  const publish = sns.operations.PublishCommand;
  sns.operations.PublishCommand = (input) => {
    const to = `sns ${input.TopicArn}`;
    spoken.push({ at: clock.now(), to, by: caller() });
    const answer = publish(input);
    const [line = ''] = (input.Message ?? '').split('\n');
    const [, rolloutId = ''] = /^Rollout: (\S+)$/m.exec(input.Message ?? '') ?? [];
    published.push({ ...saidNow(to, clock.now()), rolloutId, lines: [line] });
    return answer;
  };
  return async () => {
    const { notify } = ports.access;
    const routes = Object.values(notify).flat();
    const sinks = await Promise.all(routes.map((route) => ports.sinks(route)));
    const receivers = routes.flatMap((route, index) => {
      const key = sinks[index]?.key;
      return key === undefined ? [] : [{ key, only: route.only, route }];
    });
    const posts = receivers.flatMap(({ key, route }) =>
      'slack' in route ? inSlack(world, key, route.slack) : [],
    );
    const calls = slack.calls.map(({ at, by }) => ({ at, to: 'slack', by }));
    const hooked = posted.map(({ at, to, by }) => ({ at, to, by }));
    // An execution has the name of its rollout, with an epoch.
    const lost = events.deadLetters
      .filter(({ error }) => isStruck(error))
      .map(({ event: { detail } }) => String(detail.rolloutId ?? detail.name));
    const missed = scheduler.deadLetters.flatMap(({ target, error }) => {
      if (!isStruck(error)) return [];
      const { wake } = JSON.parse(target.Input) as { wake?: { rolloutId: string } };
      return wake === undefined ? [] : [wake.rolloutId];
    });
    return {
      receivers: receivers.map(({ key, only }) => ({ key, only })),
      said: [...announced, ...published, ...posts, ...posted],
      spoken: [...spoken, ...calls, ...hooked],
      replies,
      letters: [...missed, ...lost.map((each) => each.replace(/(--\d+)-\d+$/, '$1'))],
    };
  };
}

/** True for an end that a function cannot help: it was killed, or nothing that it needs could be reached. What it throws of itself is its own fault. */
const isStruck = (error: unknown): boolean =>
  error instanceof Error && /^(?:Lambda|Runtime|Sandbox)\.|^Unavailable$/.test(error.name);

const saidNow = (to: string, at: Instant) => ({ at, to, by: caller(), isUnheard: isUnheard() });

/** A transition as somebody outside hears it. */
export const saidBy = (transition: Transition, to: string, at: Instant): Said => {
  const { id, kind, importance, line, notices = [], rolloutId } = transition;
  return { ...saidNow(to, at), rolloutId, id, kind, importance, lines: [line, ...notices] };
};

/** What stands in a channel: the message of each rollout, and the lines of its thread; or the messages of a webhook. */
function inSlack({ slack }: World, key: string, channel: string): Said[] {
  const saidIn = (
    lines: string[],
    rolloutId: string,
    { at, isUnheard }: { at: Instant; isUnheard: boolean },
  ): Said => ({
    ...{ at, to: key, by: 'Notify', rolloutId, lines, isUnheard },
  });
  if (key === 'slack-webhook')
    return slack.messages.map((message) => {
      const text = JSON.stringify(message.content);
      const [, rolloutId = ''] = /`([\w-]+--[\w-]+--\d+)`/.exec(text) ?? [];
      return saidIn(textsIn(message.content).slice(0, 1), rolloutId, message);
    });
  return slack.in(channel).flatMap((message) => {
    const { metadata } = message.content as { metadata?: { event_payload: { rolloutId: string } } };
    const { rolloutId = '' } = metadata?.event_payload ?? {};
    const thread = slack.in(channel, message.ts);
    return [
      // One that somebody has deleted is to be said again.
      saidIn([ROLLOUT_MESSAGE], rolloutId, {
        at: message.at,
        isUnheard: message.isUnheard || message.isDeleted === true,
      }),
      ...thread.map((each) =>
        saidIn(
          textsIn(each.content).flatMap((text) => text.split('\n')),
          rolloutId,
          each,
        ),
      ),
    ];
  });
}

/** What stands in the sections of a message, as a person reads it. */
function textsIn({ blocks, attachments }: Record<string, unknown>): string[] {
  type Block = { text?: { text?: string } };
  const [attachment] = (attachments ?? []) as { blocks?: Block[] }[];
  const all = (blocks ?? attachment?.blocks ?? []) as Block[];
  return all.flatMap(({ text }) => text?.text ?? []);
}

type Wanted = Pick<CommandRequest, 'command' | 'rolloutId'> & { by: string | Actor };

/** What a call of a function that takes commands wants; one that is signed says so in the middle of its token. */
function wantedBy(event: Wanted | { signed: string }): Wanted {
  if (!('signed' in event)) return event;
  const [, claims = ''] = event.signed.split('.');
  return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { request: Wanted }).request;
}

const NOTHING_MET: MetWindow = { requests: 0, failed: 0, weather: 0, counted: 0, late: 0, lost: 0 };

/** Adds what was counted of a version to its windows. */
function count(runs: Counted, version: string, { windows, late }: Pick<Run, 'windows' | 'late'>): void {
  const { minute, count: requests, errors, faults = errors, orders } = runs;
  const { weather = 0, aheadMs = 0, lateMs = 0, hangs = false } = runs;
  windows[version] ??= new Map();
  const start = minute - (minute % WINDOW_MS);
  const add = (at: Instant, more: Partial<MetWindow>) => {
    const before = windows[version]?.get(at) ?? NOTHING_MET;
    const sum = (of: keyof MetWindow) => before[of] + (more[of] ?? 0);
    const kept = { requests: sum('requests'), failed: sum('failed'), weather: sum('weather') };
    windows[version]?.set(at, { ...kept, counted: sum('counted'), late: sum('late'), lost: sum('lost') });
  };
  // Nobody can hold a verdict to what AWS had not counted yet; the end of a rollout is held to all of it.
  const isLate = lateMs > 0;
  const lost = (runs.lost ?? 0) + (runs.throttles ?? 0) + (hangs ? requests : 0);
  const failed = Math.max(0, Math.max(errors, faults) - weather) + (orders?.lost ?? 0);
  // What only the function's own counters know is in the minute that they are stamped with.
  const own = start + aheadMs - (aheadMs % WINDOW_MS);
  const stamped = own === start ? 0 : Math.max(0, failed - errors);
  const counted = runs.faults === undefined ? 0 : requests;
  if (isLate && !hangs) late[version] = [...(late[version] ?? []), { start, lateMs, requests, failed }];
  if (isLate) add(start, { late: hangs ? 0 : requests, lost });
  else add(start, { requests, failed: failed - stamped, weather, counted, lost });
  if (stamped > 0 && !isLate) add(own, { failed: stamped });
}

/** Asks for the lock under another name and lets go of it at once. */
async function holder({ journal, clock }: World, target: Target): Promise<string | undefined> {
  const at = clock.now();
  const identity = {
    ...{
      rolloutId: `probe--${target.key}--${at}`,
      service: 'probe',
      environment: '',
      release: '',
      attempt: 1,
    },
    manifest: { bucket: '', key: '', versionId: '' },
  };
  const opened = await journal.open([
    { type: 'RolloutOpened', at, ...emptyOpening(identity, at), targets: [target] },
    { type: 'RolloutClosed', at, outcome: 'refused', reason: 'only a look at the lock' },
  ]);
  return opened.result === 'locked' ? opened.by : undefined;
}
