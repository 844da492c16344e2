import { type Place, prefixOf } from './place.ts';
import { serviceRole } from './roles.ts';

/** Where the watchdog's schedules live, and the role in whose name they call; the schedules themselves come and go with rollouts. */
export function watchdog(place: Place) {
  const name = prefixOf(place);
  serviceRole('Scheduler', 'scheduler.amazonaws.com', place, `${name}-scheduler`);
  return new aws.scheduler.ScheduleGroup('Schedules', { name });
}
