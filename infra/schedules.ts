import { agendaOf, type Place, prefixOf } from './place.ts';
import { lentRole } from './roles.ts';

/** Where the schedules of the watchdog and of the agenda live, and the roles in whose name they call; the schedules themselves come and go with rollouts. */
export function schedules(place: Place) {
  const name = prefixOf(place);
  lentRole('Scheduler', 'scheduler', place, `${name}-scheduler`);
  new aws.scheduler.ScheduleGroup('Schedules', { name });
  const agenda = agendaOf(place);
  lentRole('Agenda', 'agenda', place, agenda);
  new aws.scheduler.ScheduleGroup('AgendaSchedules', { name: agenda });
}
