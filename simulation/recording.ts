import type { RolloutEvent } from '../core/rollout/event.ts';
import { type FencingToken, tokenFrom } from '../core/rollout/fencing-token.ts';
import { emptyOpening, type Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { type Instant, type Percent, WINDOW_MS } from '../core/units.ts';
import type { World } from '../local/world.ts';
import { isUnheard } from './faults.ts';

/** Where an alias sent its traffic at some moment. */
export interface Standing {
  primary: string;
  weights: Record<string, Percent>;
}

/** One change of an alias that Lambda took, whoever sent it. */
export interface AliasWrite {
  kind: 'write';
  at: Instant;
  /** As targets name it. */
  key: string;
  before: Standing;
  /** Absent if the alias was deleted. */
  after: Standing | undefined;
  /** The token that was sent along; absent for anybody but a rollout. */
  by: FencingToken | undefined;
  /** The revision that it replaced. */
  replaced?: string | undefined;
  /** Whether it was to be taken only if nobody else had written since it was read. */
  isConditional: boolean;
}

/** What a person asked of a rollout. */
interface Command {
  does: string;
  rolloutId: string;
  at: Instant;
  /** When it was accepted; undefined if it was refused or failed. */
  acceptedAt: Instant | undefined;
  isRefused?: boolean;
  /** The rollout that carries it out, if another one was opened for it. */
  opened?: string | undefined;
}

/** What the users of one version had met. */
export interface Met {
  requests: number;
  /** Failures of its own: those that the other version would have had as well are not among them. */
  failed: number;
  /** How many answers the function counted itself. */
  counted: number;
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

/** One append to the journal, with what users had met by then, by function and version. */
export interface Append {
  kind: 'append';
  at: Instant;
  rollout: Rollout;
  events: RolloutEvent[];
  met: Record<string, Met>;
  /** How much later than usual CloudWatch showed anything of the region then. */
  regionLateMs: number;
  /** Calls of exact versions so far, by `function:version`: smoke tests and probes, which no user makes. */
  put: Record<string, number>;
}

/** Everything the checkers look at, in the order in which it happened. */
export interface Run {
  timeline: (AliasWrite | Append)[];
  /** When an alias was read by somebody who got the answer: how many entries the timeline had then, for each look at a key. */
  looks: Record<string, number[]>;
  /** The same for looks whose answer reached nobody. */
  lostLooks: Record<string, number[]>;
  /** What the users of each function and version met in each window, by its start. */
  windows: Record<string, Map<Instant, MetWindow>>;
  /** What of it was counted late, by function and version. */
  late: Record<string, MetLate[]>;
  /** Versions that somebody deleted, as `function:version`, and how many entries the timeline had then. */
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
  /** What each published version is made of, by `function:version`, as Lambda has it. */
  artifacts: Record<string, string>;
  executions: { name: string; status: string; stoppedAt: Instant | undefined; error?: string | undefined }[];
}

/** The rollout that an append is of. */
export const idOf = ({ rollout }: Append): string => rollout.opening.rolloutId;

/** Records what happens in a world from now on; `finish` reads what stands at the end. */
export function record(world: World): { finish(): Promise<Run> } {
  const timeline: Run['timeline'] = [];
  recordWrites(world, timeline);
  const looked = recordLooks(world, timeline);
  const deleted = recordDeletions(world, timeline);
  const unpinned = recordRemovals(world, timeline);
  const { windows, late } = recordWindows(world);
  const commands = recordCommands(world);
  const put = recordCalls(world);
  let isOver = false;
  world.follow(({ rollout, events }) => {
    if (isOver) return;
    timeline.push({
      kind: 'append',
      at: world.clock.now(),
      rollout,
      events,
      met: metOn(world.traffics),
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
        ...looked,
        deleted,
        unpinned,
        windows,
        late,
        commands,
        heads: [],
        histories: {},
        locks: {},
        watched: [],
        artifacts: Object.fromEntries(world.lambda.artifacts),
        executions: [],
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

function metOn(traffics: World['traffics']): Record<string, Met> {
  const met: Record<string, Met> = {};
  for (const [functionName, { tally }] of traffics)
    for (const [version, { requests, faults, weather, counted }] of Object.entries(tally))
      met[`${functionName}:${version}`] = { requests, failed: faults - weather, counted };
  return met;
}

/** Stands where every caller passes, so that what Step Functions writes by itself is seen too. */
function recordWrites(world: World, timeline: Run['timeline']): void {
  const { lambda, clock } = world;
  const operations = lambda.operations as unknown as Record<string, (input: never) => object>;
  for (const command of ['UpdateAliasCommand', 'DeleteAliasCommand']) {
    const call = operations[command];
    if (call === undefined) throw new Error(`${command} is not simulated, so it cannot be recorded.`);
    operations[command] = (input: never) => {
      const {
        FunctionName = '',
        Name = '',
        Description,
        RevisionId,
      }: Record<string, string | undefined> = input;
      const look = () => {
        try {
          return lambda.helpers.routing(FunctionName, Name);
        } catch {
          return undefined;
        }
      };
      const before = look();
      // The effect stands before the answer does, so nobody can come between the two looks.
      const answer = call(input);
      const after = look();
      if (before !== undefined && before.revisionId !== after?.revisionId)
        timeline.push({
          kind: 'write',
          at: clock.now(),
          key: keyOf(world, FunctionName, Name),
          before: standing(before),
          replaced: before.revisionId,
          after: after && standing(after),
          by: tokenFrom(Description),
          isConditional: RevisionId !== undefined,
        });
      return answer;
    };
  }
}

/** How a target that is this alias is named. */
const keyOf = ({ account, region }: World, functionName = '', alias = '') =>
  `aws:${account}:${region}:lambda-alias/${functionName}/${alias}`;

function recordLooks(world: World, timeline: Run['timeline']): Pick<Run, 'looks' | 'lostLooks'> {
  const { lambda } = world;
  const looks: Run['looks'] = {};
  const lost: Run['looks'] = {};
  const operations = lambda.operations;
  const call = operations.GetAliasCommand;
  const looked = async (input: Parameters<typeof call>[0]) => {
    const present = timeline.length;
    const answer = await call(input);
    // A look that lags behind saw the timeline as it was when that state ended; few do.
    const isLate = lambda.helpers.isLagging();
    const written = isLate
      ? timeline.findLastIndex(
          (entry, at) => at < present && entry.kind === 'write' && entry.replaced === answer.RevisionId,
        )
      : -1;
    const key = keyOf(world, input.FunctionName, input.Name);
    const kept = isUnheard() ? lost : looks;
    kept[key] ??= [];
    kept[key].push(written === -1 ? present : written);
    return answer;
  };
  // What is metered answers later than its type says.
  operations.GetAliasCommand = looked as unknown as typeof call;
  return { looks, lostLooks: lost };
}

function recordDeletions({ lambda }: World, timeline: Run['timeline']): Run['deleted'] {
  const deleted: Run['deleted'] = [];
  const operations = lambda.operations;
  const call = operations.DeleteFunctionCommand;
  operations.DeleteFunctionCommand = async (input) => {
    const index = timeline.length;
    const answer = await call(input);
    deleted.push({ version: `${input.FunctionName}:${input.Qualifier}`, index });
    return answer;
  };
  return deleted;
}

function recordRemovals({ lambda }: World, timeline: Run['timeline']): Run['unpinned'] {
  const unpinned: Run['unpinned'] = [];
  const remove = lambda.helpers.removeAlias;
  lambda.helpers.removeAlias = (name, alias) => {
    const isRemoved = remove(name, alias);
    if (isRemoved) unpinned.push({ key: `${name}:${alias}`, index: timeline.length });
    return isRemoved;
  };
  return unpinned;
}

/** Counts the calls of exact versions as they are made, so that one that hangs is among them. */
function recordCalls({ lambda }: World): Record<string, number> {
  const put: Record<string, number> = {};
  const operations = lambda.operations;
  const call = operations.InvokeCommand;
  operations.InvokeCommand = (input) => {
    const name = `${input.FunctionName}:${input.Qualifier}`;
    if (/:\d+$/.test(name)) put[name] = (put[name] ?? 0) + 1;
    return call(input);
  };
  return put;
}

function recordCommands(world: World): Command[] {
  const commands: Command[] = [];
  const { invoke, clock } = world;
  world.invoke = async (name, event) => {
    if (name !== 'Command') return invoke(name, event);
    const { command: does, rolloutId } = event as { command: string; rolloutId: string };
    const given: Command = { does, rolloutId, at: clock.now(), acceptedAt: undefined };
    commands.push(given);
    const answer = await invoke(name, event).catch((error: unknown) => {
      given.isRefused = error instanceof Error && error.name === 'CommandRefused';
      throw error;
    });
    given.acceptedAt = clock.now();
    given.opened = (answer as { rolloutId?: string } | undefined)?.rolloutId;
    return answer;
  };
  return commands;
}

const NOTHING_MET: MetWindow = { requests: 0, failed: 0, weather: 0, counted: 0, late: 0, lost: 0 };

function recordWindows({ cloudwatch }: World): Pick<Run, 'windows' | 'late'> {
  const windows: Run['windows'] = {};
  const late: Run['late'] = {};
  const count = cloudwatch.invocations.bind(cloudwatch);
  cloudwatch.invocations = (runs) => {
    const { functionName, version, minute, count: requests, errors, faults = errors, orders } = runs;
    const { weather = 0, aheadMs = 0, lateMs = 0, hangs = false } = runs;
    const key = `${functionName}:${version}`;
    windows[key] ??= new Map();
    const start = minute - (minute % WINDOW_MS);
    const add = (at: Instant, more: Partial<MetWindow>) => {
      const before = windows[key]?.get(at) ?? NOTHING_MET;
      const sum = (of: keyof MetWindow) => before[of] + (more[of] ?? 0);
      const kept = { requests: sum('requests'), failed: sum('failed'), weather: sum('weather') };
      windows[key]?.set(at, { ...kept, counted: sum('counted'), late: sum('late'), lost: sum('lost') });
    };
    // Nobody can hold a verdict to what AWS had not counted yet; the end of a rollout is held to all of it.
    const isLate = lateMs > 0;
    const lost = (runs.lost ?? 0) + (runs.throttles ?? 0) + (hangs ? requests : 0);
    const failed = Math.max(0, Math.max(errors, faults) - weather) + (orders?.lost ?? 0);
    // What only the function's own counters know is in the minute that they are stamped with.
    const own = start + aheadMs - (aheadMs % WINDOW_MS);
    const stamped = own === start ? 0 : Math.max(0, failed - errors);
    const counted = runs.faults === undefined ? 0 : requests;
    if (isLate && !hangs) late[key] = [...(late[key] ?? []), { start, lateMs, requests, failed }];
    if (isLate) add(start, { late: hangs ? 0 : requests, lost });
    else add(start, { requests, failed: failed - stamped, weather, counted, lost });
    if (stamped > 0 && !isLate) add(own, { failed: stamped });
    count(runs);
  };
  return { windows, late };
}

const standing = ({ primary, weights }: Standing): Standing => ({ primary, weights });

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
