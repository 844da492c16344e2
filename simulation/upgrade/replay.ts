import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { CreateScheduleCommandInput } from '@aws-sdk/client-scheduler';
import { eventFrom, rolloutFrom } from '../../adapters/dynamodb-items.ts';
import { PREFIX } from '../../adapters/dynamodb-table.ts';
import type { Cause, Outcome, RolloutEvent } from '../../core/rollout/event.ts';
import { type Directive, next } from '../../core/rollout/next.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Instant } from '../../core/units.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type Scenario, SERVICE } from '../scenario.ts';
import { UPGRADE_PLOTS, type UpgradePlot } from './plots.ts';

/** An item as DynamoDB keeps it. */
type StoredItem = Record<string, AttributeValue>;

/** One event as it was stored, in the order in which they were. */
export interface StoredEvent {
  item: StoredItem;
  /** When it was written, and what the version that wrote it did next; of events written together the last one says it. */
  next?: { now: Instant; directive: Directive };
}

/** A call by which the controller changed a function or an alias. */
export interface StoredWrite {
  at: Instant;
  command: string;
  input: Record<string, unknown>;
}

/** Everything that stands outside of the controller's code at one moment. */
export interface Cut {
  at: Instant;
  /** The event that it was made for. */
  after: RolloutEvent['type'];
  /** How many of the history's events and writes had been made. */
  events: number;
  writes: number;
  /** The journal's other items: heads, tokens, locks, what services remember, the budget. */
  items: StoredItem[];
  schedules: StoredSchedule[];
  executions: { name: string; input: string }[];
  /** How the version that made it ends it itself: one whose execution dies while it publishes has no time left, for example. */
  ends: Record<Replacement['by'], Ends>;
}

/** A schedule of the watchdog; its dates are texts. */
type StoredSchedule = Record<string, unknown> & { Target: { Arn: string; Input: string } };

/** How everything stood at the end. */
export interface Ends {
  rollouts: Record<string, { outcome: Outcome | undefined; cause?: Cause }>;
  aliases: Record<string, { primary: string; weights: Record<string, number> }>;
  locks: string[];
  watched: string[];
}

/** A rollout as one version of the controller carried it, and as others can go on with it. */
export interface History {
  plot: string;
  events: StoredEvent[];
  writes: StoredWrite[];
  cuts: Cut[];
  ends: Ends;
}

const MINUTE = 60_000;
const WARM_MS = 20 * MINUTE;
const HOURS_MAX = 72;
/** Into a hold, so that its token is among what stands there. */
const LATER_MS = 20_000;

/** Events after which something is under way that a cut is to interrupt; after the others it is made a little later. */
const AT_ONCE: ReadonlySet<RolloutEvent['type']> = new Set([
  'RolloutOpened',
  'ShiftIntended',
  'Promoted',
  'RevertOrdered',
  'Aborted',
] satisfies RolloutEvent['type'][]);

const WRITES = ['UpdateAliasCommand', 'UpdateFunctionCodeCommand', 'PublishVersionCommand'];

type Operation = (input: Record<string, unknown>) => Promise<object> | object;

interface Enacted {
  scenario: Scenario;
  clock: VirtualClock;
  /** True while the plot itself does something, not the controller. */
  isActing(): boolean;
  /** Lets the plot run until no rollout runs or waits. */
  finish(): Promise<Ends>;
}

/** Sets a plot's stage and begins it: the release is uploaded after twenty minutes of traffic. */
async function enact(
  name: string,
  options: Pick<Parameters<typeof createScenario>[0], 'around' | 'machine'> = {},
): Promise<Enacted> {
  const plot: UpgradePlot | undefined = UPGRADE_PLOTS[name];
  if (plot === undefined) throw new Error(`There is no plot ${name}; plots that were recorded stay.`);
  const clock = virtualClock();
  const uploadAt = clock.now() + WARM_MS;
  const scenario = createScenario({ seed: 1, ...plot.options, journal: 'dynamodb', clock, ...options });
  await clock.run(Promise.resolve(plot.before?.(scenario)));
  await clock.advance(uploadAt - clock.now());
  let acting = 0;
  const acts = (plot.acts ?? []).map(async ({ minute, does }) => {
    await clock.sleep(minute * MINUTE);
    acting += 1;
    const done = does(scenario);
    acting -= 1;
    await done;
  });
  const everything = Promise.all([scenario.release(plot.release), ...acts]);
  everything.catch(() => {});
  return {
    scenario,
    clock,
    isActing: () => acting > 0,
    async finish() {
      await clock.run(everything, HOURS_MAX * 60 * MINUTE);
      const giveUpAt = clock.now() + HOURS_MAX * 60 * MINUTE;
      do {
        if (clock.now() > giveUpAt) throw new Error(`${name} did not end within ${HOURS_MAX} h.`);
        await clock.advance(15 * MINUTE);
      } while (await clock.run(isBusy(scenario)));
      // The watchdog looks once more, and locks and schedules go.
      await clock.advance(15 * MINUTE);
      return endsOf(scenario);
    },
  };
}

async function isBusy({ journal, stepFunctions }: Scenario): Promise<boolean> {
  const isWaited = (await journal.service(SERVICE)).waiting !== undefined;
  const runs = stepFunctions.executions.some(({ status }) => status === 'RUNNING');
  return runs || isWaited || (await journal.running()).length > 0;
}

function headsIn({ dynamodb, table }: Scenario): Rollout[] {
  const heads = dynamodb.items(table).filter(({ sk }) => sk?.S === 'HEAD');
  return heads.map(({ body }) => rolloutFrom({ body: body?.S }));
}

function endsOf(scenario: Scenario): Ends {
  const heads = headsIn(scenario);
  const functions = [
    ...new Set(heads.flatMap(({ opening }) => opening.targets.map(({ ref }) => ref.functionName ?? ''))),
  ];
  return {
    rollouts: Object.fromEntries(
      heads.map(({ opening, outcome, leaving }) => [
        opening.rolloutId,
        { outcome, ...(leaving === undefined ? {} : { cause: leaving.cause }) },
      ]),
    ),
    aliases: Object.fromEntries(
      functions.map((name) => {
        const { primary, weights } = scenario.lambda.helpers.routing(name, ALIAS);
        return [name, { primary, weights }];
      }),
    ),
    locks: scenario.dynamodb
      .items(scenario.table)
      .flatMap(({ pk, sk }) => (sk?.S === 'LOCK' ? [pk?.S ?? ''] : [])),
    watched: heads.flatMap(({ opening }) =>
      schedulesOf(scenario, opening.rolloutId).map(({ Name }) => String(Name)),
    ),
  };
}

function schedulesOf({ scheduler, ports }: Scenario, rolloutId: string): StoredSchedule[] {
  return [rolloutId, `${rolloutId}-end`].flatMap((Name) => {
    try {
      const found = scheduler.operations.GetScheduleCommand({ Name, GroupName: ports.about.scheduleGroup });
      const { Arn: _, CreationDate: __, LastModificationDate: ___, ...settings } = found;
      return [JSON.parse(JSON.stringify(settings)) as StoredSchedule];
    } catch {
      return [];
    }
  });
}

const isEvent = ({ sk }: StoredItem) => sk?.S?.startsWith(PREFIX.event) === true;

/** Plays one of the plots under the present code and records all that its controller leaves outside of itself. */
export async function recordHistory(plot: string): Promise<History> {
  const enacted = await enact(plot);
  const { scenario, clock } = enacted;
  const writes = recordedWrites(enacted);
  const cuts: Omit<Cut, 'ends'>[] = [];
  const seen = new Set<string>();
  const events = recordedEvents(enacted, (type) => {
    if (seen.has(type)) return;
    seen.add(type);
    const cut = () => cuts.push(...cutOf(scenario, type, clock.now(), events.length, writes.length));
    if (AT_ONCE.has(type)) cut();
    else void clock.sleep(LATER_MS).then(cut);
  });
  const ends = await enacted.finish();
  const history: History = { plot, events, writes, cuts: [], ends };
  for (const made of cuts.toSorted((a, b) => a.at - b.at))
    history.cuts.push({
      ...made,
      ends: {
        watchdog: await goOn(history, made, { by: 'watchdog' }),
        deployment: await goOn(history, made, { by: 'deployment' }),
      },
    });
  return history;
}

/** What stands now; nothing if no rollout is under way, so that there is nothing to go on with. */
function cutOf(
  scenario: Scenario,
  after: Cut['after'],
  at: Instant,
  events: number,
  writes: number,
): Omit<Cut, 'ends'>[] {
  const heads = headsIn(scenario).filter(({ outcome }) => outcome === undefined);
  if (heads.length === 0) return [];
  return [
    {
      ...{ at, after, events, writes },
      items: structuredClone(scenario.dynamodb.items(scenario.table).filter((item) => !isEvent(item))),
      schedules: heads.flatMap(({ opening }) => schedulesOf(scenario, opening.rolloutId)),
      executions: scenario.stepFunctions.executions
        .filter(({ status }) => status === 'RUNNING')
        .map(({ name, input }) => ({ name, input })),
    },
  ];
}

/** Every event from now on, as it is stored; `told` learns of each one once it stands. */
function recordedEvents(
  { scenario, clock }: Enacted,
  told: (type: RolloutEvent['type']) => void,
): StoredEvent[] {
  const events: StoredEvent[] = [];
  const kept = new Set<string>();
  scenario.follow(({ rollout, events: written }) => {
    const now = clock.now();
    // The records of a transaction come while it is written; what it wrote stands when the next one can run.
    queueMicrotask(() => {
      for (const item of scenario.dynamodb.items(scenario.table).filter(isEvent)) {
        const key = `${item.pk?.S} ${item.sk?.S}`;
        if (kept.has(key)) continue;
        kept.add(key);
        events.push({ item });
      }
      const last = events.at(-1);
      if (last !== undefined) last.next = { now, directive: next(rollout, now) };
      for (const { type } of written) told(type);
    });
  });
  return events;
}

function recordedWrites({ scenario, clock, isActing }: Enacted): StoredWrite[] {
  const writes: StoredWrite[] = [];
  const operations = scenario.lambda.operations as unknown as Record<string, Operation>;
  for (const command of WRITES) {
    const call = operations[command];
    if (call === undefined) throw new Error(`${command} is not simulated, so it cannot be recorded.`);
    operations[command] = async (given) => {
      const answer = await call(given);
      const { RevisionId: _, ...input } = given;
      if (!isActing()) writes.push({ at: clock.now(), command, input });
      return answer;
    };
  }
  return writes;
}

/**
 * How the present controller comes to a cut. `watchdog`: the execution died, so another is started. `deployment`: it goes on by
 * the definition that it began with, whose text is `machine` (the present one without it), and calls the present functions.
 */
interface Replacement {
  by: 'deployment' | 'watchdog';
  machine?: string;
}

/** Stands a history's world up to one of its cuts without any controller, and lets the present one end what was begun. */
export async function goOn(
  history: Pick<History, 'plot' | 'events' | 'writes'>,
  cut: Omit<Cut, 'ends'>,
  { by, machine }: Replacement,
): Promise<Ends> {
  let isOff = true;
  const { scenario, clock, finish } = await enact(history.plot, {
    around: (_, event, call) => (isOff ? Promise.resolve() : call(event)),
    machine,
  });
  const here = renamer(await clock.run(revisionsOf(history, scenario)));
  const repeated = repeat(scenario, clock, history.writes.slice(0, cut.writes));
  await clock.advance(cut.at - clock.now());
  await clock.run(repeated);
  isOff = false;
  const events = history.events.slice(0, cut.events).map(({ item }) => item);
  for (const Item of here([...events, ...cut.items]))
    scenario.dynamodb.operations.PutItemCommand({ TableName: scenario.table, Item });
  for (const schedule of here(cut.schedules))
    scenario.scheduler.operations.CreateScheduleCommand(settingsFrom(schedule));
  if (by === 'deployment')
    for (const execution of here(cut.executions))
      await scenario.stepFunctions.startExecution({ stateMachineArn: scenario.machineArn, ...execution });
  return finish();
}

/** Lambda draws the names of revisions: what they are called in this world, by what an opening found in the recorded one. */
async function revisionsOf(
  { events }: Pick<History, 'events'>,
  { lambda }: Scenario,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const [opened] = Object.values(eventsIn(events.slice(0, 1).map(({ item }) => item))).flat();
  for (const { ref, revision, publish } of opened?.type === 'RolloutOpened' ? opened.targets : []) {
    const { functionName: FunctionName = '', alias = '' } = ref;
    if (revision !== undefined) names.set(revision, lambda.helpers.routing(FunctionName, alias).revisionId);
    if (publish === undefined || publish.from === 'await') continue;
    const latest = await lambda.operations.GetFunctionConfigurationCommand({ FunctionName });
    names.set(publish.revision, latest.RevisionId ?? '');
  }
  return names;
}

function renamer(names: Map<string, string>): <Value>(value: Value) => Value {
  const known = new RegExp([...names.keys()].join('|') || '(?!)', 'g');
  return (value) => JSON.parse(JSON.stringify(value).replace(known, (name) => names.get(name) ?? name));
}

/** The same release from its upload on, under another version's state machine and the present functions. */
export async function underMachine(plot: string, machine: string): Promise<Ends> {
  return (await enact(plot, { machine })).finish();
}

async function repeat(scenario: Scenario, clock: VirtualClock, writes: StoredWrite[]): Promise<void> {
  const operations = scenario.lambda.operations as unknown as Record<string, Operation>;
  for (const { at, command, input } of writes) {
    await clock.sleep(at - clock.now());
    for (const [, traffic] of scenario.traffics) traffic.settle();
    await operations[command]?.(input);
  }
}

/** The first look may be long past, which no schedule can begin with. */
function settingsFrom({ StartDate: _, EndDate, ...settings }: StoredSchedule): CreateScheduleCommandInput {
  return {
    ...(settings as unknown as CreateScheduleCommandInput),
    ...(EndDate === undefined ? {} : { EndDate: new Date(String(EndDate)) }),
  };
}

/** The events of each rollout, oldest first, as the present code reads them. */
export function eventsIn(items: StoredItem[]): Record<string, RolloutEvent[]> {
  const events: Record<string, RolloutEvent[]> = {};
  for (const { rolloutId, body } of items) {
    const id = rolloutId?.S ?? '';
    events[id] = [...(events[id] ?? []), eventFrom({ body: body?.S })];
  }
  return events;
}
