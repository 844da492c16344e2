import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { nameOf, reach } from './_aws.ts';

/** Makes a call of EventBridge Scheduler. @throws RolloutError Unavailable for what passes */
export const send = <T>(call: () => Promise<T>): Promise<T> => reach('EventBridge Scheduler', call);

/** What a call answers; undefined if it fails with an error of this name. */
export async function tolerate<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (nameOf(error) !== name) throw error;
    return undefined;
  }
}

/** Makes a schedule, or replaces the one of its name. */
export async function put(client: SchedulerClient, schedule: CreateScheduleCommandInput): Promise<void> {
  const created = await tolerate('ConflictException', () =>
    send(() => client.send(new CreateScheduleCommand(schedule))),
  );
  if (created === undefined) await send(() => client.send(new UpdateScheduleCommand(schedule)));
}

/** A schedule's expression for one moment, to the second. */
export const at = (moment: number): string => `at(${new Date(moment).toISOString().slice(0, 19)})`;
