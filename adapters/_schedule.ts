import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { nameOf, reach, unavailable } from './_aws.ts';

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

/** How often a schedule may be made or deleted by somebody else between two calls. */
const TRIES_MAX = 3;

/** Makes a schedule, or replaces the one of its name. @throws RolloutError Unavailable if others make and delete it all the time */
export async function put(client: SchedulerClient, schedule: CreateScheduleCommandInput): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const created = await tolerate('ConflictException', () =>
      send(() => client.send(new CreateScheduleCommand(schedule))),
    );
    if (created !== undefined) return;
    // One that is to go once it has fired may have gone by now.
    const updated = await tolerate('ResourceNotFoundException', () =>
      send(() => client.send(new UpdateScheduleCommand(schedule))),
    );
    if (updated !== undefined) return;
  }
  throw unavailable(
    `EventBridge Scheduler did not keep ${schedule.Name}; it will be tried again.`,
    undefined,
  );
}

/** A schedule's expression for one moment, to the second. */
export const at = (moment: number): string => `at(${new Date(moment).toISOString().slice(0, 19)})`;
