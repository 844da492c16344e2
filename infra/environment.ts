import type { FunctionName } from './facts.ts';
import { agendaOf, arnsOf, bucketOf, type Place, prefixOf } from './place.ts';
import type { Settings } from './settings.ts';

const WATCHDOG = ['SCHEDULER_ROLE_ARN', 'SCHEDULE_GROUP', 'STATE_MACHINE_ARN', 'WATCHDOG_ARN'] as const;
const HOOKS = ['HOOK_HOSTS'] as const;
/** Metrics are counted by environment. */
const ALL = ['ENVIRONMENT', 'JOURNAL_TABLE'] as const;

const API = ['ABORT_ARN', 'COMMAND_ARN', 'PUBLIC_URL', 'RELEASE_BUCKET', 'SCHEDULE_GROUP'] as const;

/** The variables that each function reads, and no others; a test compares them with its bundle. */
export const READS: Record<FunctionName, readonly (keyof Variables)[]> = {
  Abort: [...ALL, ...WATCHDOG],
  AlarmEvent: [...ALL, 'STATE_MACHINE_ARN'],
  ApiIam: [...ALL, ...API],
  ApiPublic: [...ALL, ...API, 'SLACK_ACTION_ARN'],
  Beacon: ['ENVIRONMENT'],
  CloseRollout: [...ALL, ...WATCHDOG, 'COMPLETIONS_BUCKET'],
  Command: [...ALL, ...WATCHDOG, 'NOTIFY_ARN', 'OPEN_ROLLOUT_ARN'],
  ContinueAsNew: [...ALL, ...WATCHDOG],
  Decide: ALL,
  Hold: [...ALL, 'STATE_MACHINE_ARN'],
  JournalStream: [...ALL, 'OPEN_ROLLOUT_ARN', 'STATE_MACHINE_ARN'],
  Measure: ALL,
  Notify: [...[...ALL, 'AGENDA_GROUP', 'AGENDA_ROLE_ARN', 'HOOK_HOSTS', 'NOTIFY_ARN', 'PUBLIC_URL']] as const,
  OpenRollout: [...ALL, ...WATCHDOG, ...HOOKS, 'COMPLETIONS_BUCKET'],
  PromoteCanary: ALL,
  PublishRelease: [...ALL, 'STATE_MACHINE_ARN'],
  ReadRollout: [...ALL, 'RELEASE_BUCKET', 'SCHEDULE_GROUP'],
  RevertTraffic: [...ALL, ...WATCHDOG, ...HOOKS, 'PUBLISH_RELEASE_ARN'],
  RunHook: [...ALL, 'STATE_MACHINE_ARN', ...HOOKS],
  ShiftTraffic: ALL,
  SlackAction: ['ENVIRONMENT', 'ABORT_ARN', 'COMMAND_ARN'],
  Transitions: [...ALL, 'DEAD_LETTERS_URL'],
  Watchdog: [...ALL, ...WATCHDOG],
};

interface Variables {
  ABORT_ARN: string;
  AGENDA_GROUP: string;
  AGENDA_ROLE_ARN: string;
  COMMAND_ARN: string;
  COMPLETIONS_BUCKET: string;
  DEAD_LETTERS_URL: string;
  ENVIRONMENT: string;
  HOOK_HOSTS: string;
  JOURNAL_TABLE: string;
  NOTIFY_ARN: string;
  OPEN_ROLLOUT_ARN: string;
  PUBLIC_URL: string;
  PUBLISH_RELEASE_ARN: string;
  RELEASE_BUCKET: string;
  SCHEDULER_ROLE_ARN: string;
  SCHEDULE_GROUP: string;
  SLACK_ACTION_ARN: string;
  STATE_MACHINE_ARN: string;
  WATCHDOG_ARN: string;
}

/** Where the dead letters of a function are, as SQS names its queues. */
const deadLettersUrl = (name: FunctionName, place: Place): string =>
  `https://sqs.${place.region}.amazonaws.com${place.partition === 'aws-cn' ? '.cn' : ''}/${place.account}/${prefixOf(place)}-${name}-dead-letters`;

/** The variables of one function, of which none is secret; what the settings leave empty is not set. */
export function variablesOf(
  name: FunctionName,
  place: Place,
  { hookHosts, publicApi }: Settings,
): Record<string, string> {
  const arns = arnsOf(place);
  const prefix = prefixOf(place);
  const all: Record<string, string> = {
    ABORT_ARN: arns.function('Abort'),
    AGENDA_GROUP: agendaOf(place),
    AGENDA_ROLE_ARN: arns.agendaRole,
    COMMAND_ARN: arns.function('Command'),
    COMPLETIONS_BUCKET: place.completionsBucket,
    DEAD_LETTERS_URL: deadLettersUrl(name, place),
    ENVIRONMENT: place.environment,
    HOOK_HOSTS: hookHosts.join(','),
    JOURNAL_TABLE: `${prefix}-journal`,
    NOTIFY_ARN: arns.function('Notify'),
    OPEN_ROLLOUT_ARN: arns.function('OpenRollout'),
    // The one that Lambda gives is known once it is made.
    PUBLIC_URL: typeof publicApi === 'string' ? publicApi : '',
    PUBLISH_RELEASE_ARN: arns.function('PublishRelease'),
    RELEASE_BUCKET: bucketOf(place),
    SCHEDULER_ROLE_ARN: arns.schedulerRole,
    SCHEDULE_GROUP: prefix,
    SLACK_ACTION_ARN: arns.function('SlackAction'),
    STATE_MACHINE_ARN: arns.machine,
    WATCHDOG_ARN: arns.function('Watchdog'),
  };
  return Object.fromEntries(READS[name].flatMap((key) => (all[key] ? [[key, all[key]] as const] : [])));
}
