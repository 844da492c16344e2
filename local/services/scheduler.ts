import type {
  CreateScheduleInput,
  CreateScheduleOutput,
  DeleteScheduleInput,
  GetScheduleInput,
  GetScheduleOutput,
  Target,
  UpdateScheduleInput,
  UpdateScheduleOutput,
} from '@aws-sdk/client-scheduler';
import type { Instant } from '../../core/units.ts';
import type { Wait, WorldClock } from '../clock.ts';
import { LATENCY_MS } from '../latency.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';

/** What a schedule invokes. */
export interface ScheduleTarget {
  Arn: string;
  Input: string;
  RoleArn: string;
}

type Settings = CreateScheduleInput & { Name: string; ScheduleExpression: string; Target: Target };

interface Schedule {
  settings: Settings;
  times: Times;
  createdAt: Instant;
  modifiedAt: Instant;
  /** The wait for the next firing. */
  next: Wait | undefined;
  /** Waits for another try of firings that failed. */
  retries: Set<Wait>;
}

/** When a schedule is due: once, or from an origin on at a rate. */
type Times = { at: Instant } | { everyMs: number; from: Instant | undefined; until: Instant };

const FIELDS = [
  'Name',
  'GroupName',
  'Description',
  'ScheduleExpression',
  'ScheduleExpressionTimezone',
  'StartDate',
  'EndDate',
  'FlexibleTimeWindow',
  'Target',
  'ActionAfterCompletion',
  'State',
  'ClientToken',
] as const;
/** What a target has that was sent without one (recorded from AWS, LocalStack snapshot tests, 2023-09-21). */
const RETRY_POLICY = { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 };

const TARGET_FIELDS = ['Arn', 'RoleArn', 'Input', 'RetryPolicy', 'DeadLetterConfig'] as const;

/** AWS tries up to 185 times within a day; two more tries show the same behaviour and let a virtual clock run dry. */
const RETRIES_MAX = 2;
const RETRY_MS = 60_000;
const START_AGE_MAX_MS = 300_000;

/**
 * Schedules as EventBridge Scheduler keeps them. They fire on the first whole minute that is not before their time,
 * which is within the documented precision; while there are none, nothing waits on the clock.
 */
export class SimulatedScheduler {
  /** Firings that failed to their last try. */
  readonly deadLetters: { schedule: string; target: ScheduleTarget; error: unknown }[] = [];
  readonly #schedules = new Map<string, Schedule>();
  readonly #clock: WorldClock;
  readonly #invoke: (target: ScheduleTarget, schedule: string) => Promise<void>;
  readonly #arnPrefix: string;

  constructor(world: {
    clock: WorldClock;
    region: string;
    account: string;
    invoke: (target: ScheduleTarget, schedule: string) => Promise<void>;
  }) {
    this.#clock = world.clock;
    this.#invoke = world.invoke;
    this.#arnPrefix = `arn:aws:scheduler:${world.region}:${world.account}:schedule`;
  }

  readonly operations = {
    CreateScheduleCommand: (input: CreateScheduleInput): CreateScheduleOutput => this.#create(input),
    UpdateScheduleCommand: (input: UpdateScheduleInput): UpdateScheduleOutput => this.#update(input),
    GetScheduleCommand: (input: GetScheduleInput): GetScheduleOutput => this.#get(input),
    DeleteScheduleCommand: (input: DeleteScheduleInput): object => this.#delete(input),
  } satisfies Operations;

  /** True if there is a schedule of this group and name. */
  has(key: string): boolean {
    return this.#schedules.has(key);
  }

  #create(input: CreateScheduleInput): CreateScheduleOutput {
    onlyFields('CreateSchedule', input, FIELDS);
    const now = this.#clock.now();
    const settings = checked(input, now);
    const key = keyOf(settings);
    const existing = this.#schedules.get(key);
    const ScheduleArn = `${this.#arnPrefix}/${key}`;
    if (existing !== undefined) {
      const { ClientToken } = existing.settings;
      if (ClientToken !== undefined && ClientToken === settings.ClientToken) return { ScheduleArn };
      throw awsError('ConflictException', `Schedule ${settings.Name} already exists.`, 409);
    }
    const times = timesOf(settings);
    const schedule = {
      settings,
      times,
      createdAt: now,
      modifiedAt: now,
      next: undefined,
      retries: new Set<Wait>(),
    };
    this.#schedules.set(key, schedule);
    this.#arm(schedule, now - 1);
    return { ScheduleArn };
  }

  /** Replaces everything: a field that is left out takes its default. */
  #update(input: UpdateScheduleInput): UpdateScheduleOutput {
    onlyFields('UpdateSchedule', input, FIELDS);
    const now = this.#clock.now();
    const settings = checked(input, now);
    const schedule = this.#existing(settings);
    schedule.next?.cancel();
    schedule.next = undefined;
    schedule.settings = settings;
    schedule.times = timesOf(settings);
    schedule.modifiedAt = now;
    this.#arm(schedule, now);
    return { ScheduleArn: `${this.#arnPrefix}/${keyOf(settings)}` };
  }

  #get(input: GetScheduleInput): GetScheduleOutput {
    onlyFields('GetSchedule', input, ['Name', 'GroupName']);
    const { settings, createdAt, modifiedAt } = this.#existing(input);
    const { ClientToken: _, ...kept } = settings;
    return {
      ActionAfterCompletion: 'NONE',
      GroupName: 'default',
      ScheduleExpressionTimezone: 'UTC',
      State: 'ENABLED',
      ...kept,
      ...(kept.Target && { Target: { RetryPolicy: RETRY_POLICY, ...kept.Target } }),
      Arn: `${this.#arnPrefix}/${keyOf(settings)}`,
      CreationDate: new Date(createdAt),
      LastModificationDate: new Date(modifiedAt),
    };
  }

  #delete(input: DeleteScheduleInput): object {
    onlyFields('DeleteSchedule', input, ['Name', 'GroupName', 'ClientToken']);
    this.#remove(this.#existing(input));
    return {};
  }

  #remove(schedule: Schedule): void {
    schedule.next?.cancel();
    for (const retry of schedule.retries) retry.cancel();
    this.#schedules.delete(keyOf(schedule.settings));
  }

  #existing(input: { Name?: string | undefined; GroupName?: string | undefined }): Schedule {
    const schedule = this.#schedules.get(keyOf(input));
    if (schedule !== undefined) return schedule;
    throw awsError('ResourceNotFoundException', `Schedule ${input.Name} does not exist.`, 404);
  }

  /** Waits for the next firing after `after`; answers whether there is one. */
  #arm(schedule: Schedule, after: Instant): boolean {
    if (schedule.settings.State === 'DISABLED') return true;
    const fireAt = nextFiring(schedule, after);
    if (fireAt === undefined) return false;
    const wait = this.#clock.after(fireAt - this.#clock.now());
    schedule.next = wait;
    void wait.done.then(() => this.#fire(schedule, fireAt));
    return true;
  }

  async #fire(schedule: Schedule, firedAt: Instant): Promise<void> {
    const { settings, times } = schedule;
    schedule.next = undefined;
    const isLast = 'at' in times || !this.#arm(schedule, firedAt);
    await this.#deliver(schedule, settings);
    // One that was updated while it fired stays, with its new time; assumed.
    const isSame = schedule.settings === settings && this.#holds(schedule);
    if (isLast && isSame && settings.ActionAfterCompletion === 'DELETE') this.#remove(schedule);
  }

  async #deliver(schedule: Schedule, { Name, Target }: Settings): Promise<void> {
    const target = { Arn: Target.Arn ?? '', Input: Target.Input ?? '', RoleArn: Target.RoleArn ?? '' };
    const retries = Math.min(Target.RetryPolicy?.MaximumRetryAttempts ?? RETRIES_MAX, RETRIES_MAX);
    for (let retry = 0; ; retry++) {
      try {
        return await this.#invoke(target, Name);
      } catch (error) {
        if (retry < retries && this.#holds(schedule)) await this.#pause(schedule);
        else return void this.deadLetters.push({ schedule: Name, target, error });
      }
    }
  }

  /** Waits for another try; once the schedule is deleted it never resolves. */
  async #pause(schedule: Schedule): Promise<void> {
    const wait = this.#clock.after(RETRY_MS);
    schedule.retries.add(wait);
    await wait.done;
    schedule.retries.delete(wait);
  }

  #holds(schedule: Schedule): boolean {
    return this.#schedules.get(keyOf(schedule.settings)) === schedule;
  }
}

function keyOf({
  Name,
  GroupName = 'default',
}: {
  Name?: string | undefined;
  GroupName?: string | undefined;
}): string {
  return `${GroupName}/${Name}`;
}

/** @throws awsError ValidationException for what AWS refuses, Error for what is not simulated */
function checked(input: CreateScheduleInput, now: Instant): Settings {
  const { Name, ScheduleExpression, FlexibleTimeWindow, Target, StartDate, EndDate } = input;
  if (!/^[0-9a-zA-Z-_.]{1,64}$/.test(Name ?? ''))
    throw invalid(`Name "${Name}" must match [0-9a-zA-Z-_.]{1,64}.`);
  if (!Name || !ScheduleExpression) throw invalid('ScheduleExpression must be given.');
  if (!FlexibleTimeWindow?.Mode) throw invalid('FlexibleTimeWindow must be given.');
  if (!Target?.Arn || !Target.RoleArn) throw invalid('Target must be given, with its Arn and RoleArn.');
  if (StartDate && StartDate.getTime() < now - START_AGE_MAX_MS) {
    throw invalid('The StartDate you specify cannot be earlier than 5 minutes ago.');
  }
  if (StartDate && EndDate && EndDate <= StartDate) throw invalid('EndDate must be after StartDate.');
  if (FlexibleTimeWindow.Mode !== 'OFF')
    throw new Error('A flexible time window is not simulated: set its Mode to OFF.');
  if ((input.ScheduleExpressionTimezone ?? 'UTC') !== 'UTC')
    throw new Error('A time zone other than UTC is not simulated.');
  if (Target.Input === undefined) throw new Error('A Target without Input is not simulated.');
  onlyFields('the Target of a schedule', Target, TARGET_FIELDS);
  return { ...input, Name, ScheduleExpression, Target };
}

function timesOf({ ScheduleExpression: expression, StartDate, EndDate }: Settings): Times {
  const [, minutes] = /^rate\(([1-9]\d*) minutes?\)$/.exec(expression) ?? [];
  if (minutes !== undefined) {
    return {
      everyMs: Number(minutes) * 60_000,
      from: StartDate?.getTime(),
      until: EndDate?.getTime() ?? Number.POSITIVE_INFINITY,
    };
  }
  const [, time] = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(expression) ?? [];
  const at = Date.parse(`${time}Z`);
  if (!Number.isNaN(at)) return { at };
  throw invalid(
    `Invalid Schedule Expression ${expression}. Simulated are rate(N minutes) and at(yyyy-mm-ddThh:mm:ss).`,
  );
}

/**
 * The first firing after `after`, or undefined if there is none. A rate without StartDate begins at once; a time
 * that has passed already fires at once too, which is assumed.
 */
function nextFiring({ times, createdAt }: Schedule, after: Instant): Instant | undefined {
  if ('at' in times) return Math.max(wholeMinute(times.at), after);
  const from = times.from ?? createdAt;
  let count = Math.max(0, Math.floor((after - LATENCY_MS.schedulePrecision - from) / times.everyMs));
  while (wholeMinute(from + count * times.everyMs) <= after) count += 1;
  const fireAt = wholeMinute(from + count * times.everyMs);
  return fireAt <= times.until ? fireAt : undefined;
}

function wholeMinute(at: Instant): Instant {
  return Math.ceil(at / LATENCY_MS.schedulePrecision) * LATENCY_MS.schedulePrecision;
}

function invalid(message: string): Error {
  return awsError('ValidationException', message);
}
