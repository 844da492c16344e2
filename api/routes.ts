import * as z from 'zod/mini';
import type { ErrorCode } from '../core/errors.ts';
import type { CommandRequest } from '../core/rollout/command-request.ts';
import * as shapes from './schemas.ts';

/** One address of the API, as data: from it come what answers there, the document about it, and what tests walk. */
export interface Route {
  method: 'GET' | 'POST';
  /** With each parameter in braces. */
  path: `/${string}`;
  says: string;
  query?: z.ZodMiniType;
  body?: z.ZodMiniType;
  /** The status if all is well. */
  status: 200 | 201 | 202;
  /** The refusals and failures that it may answer besides those of its kind of route. */
  problems: readonly ErrorCode[];
  /** True if it changes something. */
  acts: boolean;
  /** True if it needs nobody to be signed in. */
  isOpen?: true;
  /** True if the answer has an `ETag`, by which it is asked for again. */
  isTagged?: true;
}

/** What each parameter in a path has to be. */
export const PARAMETERS = {
  rolloutId: shapes.RolloutId,
  service: shapes.ServiceName,
  target: shapes.Name,
  metric: shapes.Name,
  code: shapes.Code,
  file: shapes.Asset,
};

/** The commands that people give through the API; a hook's late answer comes another way. */
type Verb = Exclude<CommandRequest['command'], 'answer'>;

const read = { method: 'GET', acts: false } as const;
const ONE = ['RolloutUnknown'] as const;

/** A route by which a command is given. */
const command = <V extends Verb, const More extends readonly ErrorCode[]>(
  command: V,
  says: string,
  more: More,
) =>
  ({
    method: 'POST',
    path: `/rollouts/{rolloutId}/${command}`,
    says,
    body: shapes.BODIES[command],
    status: 202,
    problems: [...ONE, 'CommandRefused', 'JournalConflict', 'CommandRepeated', ...more],
    acts: true,
  }) as const;

/** Refusals of a command that opens a rollout. */
const OPENS = ['AccountRefused', 'ManifestInvalid', 'OpeningRefused', 'TargetInvalid'] as const;

/** A route of a page that is the same for everybody. */
const page = (path: `/${string}`, says: string) =>
  ({ ...read, path, says, status: 200, problems: [], isOpen: true }) as const;

/** Everything that can be asked and done. */
export const ROUTES = {
  health: {
    ...read,
    path: '/health',
    says: 'Says that it answers.',
    status: 200,
    problems: [],
    isOpen: true,
  },
  about: {
    ...read,
    path: '/about',
    says: 'Says where the parts of this controller are.',
    status: 200,
    problems: [],
  },
  overview: {
    ...read,
    path: '/overview',
    says: 'Shows what is rolling out now and what of `services`, names with commas between, has ended lately: what the first page needs, in one answer.',
    query: shapes.OverviewQuery,
    status: 200,
    problems: [],
    isTagged: true,
  },
  rolloutOverview: {
    ...read,
    path: '/rollouts/{rolloutId}/overview',
    says: 'Shows everything about one rollout that its page needs: how it stands in sentences, steps, evidence, counts minute by minute, and what happened. The header `spillway-time` says what time it is there.',
    status: 200,
    problems: ONE,
    isTagged: true,
  },
  serviceOverview: {
    ...read,
    path: '/services/{service}/overview',
    says: 'Shows one service: its rollouts, what serves, what waits, and what is in quarantine; `before` is the id of the last rollout of the page before.',
    query: shapes.ServiceOverviewQuery,
    status: 200,
    problems: [],
    isTagged: true,
  },
  running: {
    ...read,
    path: '/rollouts',
    says: 'Lists the rollouts that have not ended, of services that the caller may read.',
    status: 200,
    problems: [],
  },
  recent: {
    ...read,
    path: '/services/{service}/rollouts',
    says: 'Lists the rollouts of a service, ended ones included, the newest first; `before` is the id of the last one of the page before.',
    query: shapes.RecentQuery,
    status: 200,
    problems: [],
  },
  service: {
    ...read,
    path: '/services/{service}',
    says: 'Says what a service remembers: what completed, what waits, what is in quarantine.',
    status: 200,
    problems: [],
  },
  rollout: {
    ...read,
    path: '/rollouts/{rolloutId}',
    says: 'Shows one rollout.',
    status: 200,
    problems: ONE,
    isTagged: true,
  },
  events: {
    ...read,
    path: '/rollouts/{rolloutId}/events',
    says: 'Shows the events of a rollout after version `after`. Ask every 2 seconds with `If-None-Match` to follow it.',
    query: shapes.EventsQuery,
    status: 200,
    problems: ONE,
    isTagged: true,
  },
  picture: {
    ...read,
    path: '/rollouts/{rolloutId}/verdicts/{target}/{metric}',
    says: 'Draws what the verdicts of a rollout say of one metric of a target.',
    status: 200,
    problems: ONE,
    isTagged: true,
  },
  pause: command('pause', 'Holds the weight; the analysis goes on.', []),
  resume: command('resume', 'Ends a pause.', []),
  promote: command(
    'promote',
    'Goes past the present step, or with `full` to 100 %, without waiting for evidence; with `step`, only if the rollout is on that one, counted from 0.',
    [],
  ),
  approve: command('approve', 'Approves the gate before a weight.', []),
  reject: command(
    'reject',
    'Rejects the gate before a weight: pauses the rollout, or reverts it if its file says so.',
    [],
  ),
  abort: command('abort', 'Reverts at once, before anything else, also if the journal is down.', [
    'RevertFailed',
  ]),
  rollback: command(
    'rollback',
    'Goes from a completed release back to the newest older one that was good.',
    OPENS,
  ),
  retry: command('retry', 'Lifts the quarantine of a release and tries it again.', OPENS),
  acknowledge: command(
    'acknowledge',
    'Keeps a page from being repeated: that which `page` names, as a webhook was sent it, or all that somebody is paged for now.',
    [],
  ),
  links: {
    method: 'POST',
    path: '/rollouts/{rolloutId}/links',
    says: 'Makes a link that shows a rollout, or pauses or aborts it once its button is pressed.',
    body: shapes.LinkIn,
    status: 201,
    problems: [],
    acts: true,
  },
  problem: page('/problems/{code}', 'Says what is known of a code, and what to do about it.'),
  front: page('/', 'The dashboard: what is rolling out now.'),
  frontOfRollout: page('/view/rollouts/{rolloutId}', 'Its page about one rollout.'),
  frontOfService: page('/view/services/{service}', 'Its page about one service.'),
  asset: page('/assets/{file}', 'A file of the dashboard, by its digest: it never changes.'),
  linkPage: page('/link', 'The page behind a link; the token stands in the fragment of its address.'),
  linkScript: page('/link.js', 'The script of that page.'),
  linkStyle: page('/link.css', 'The style of that page.'),
} as const satisfies Record<string, Route>;

/** The name of a route. */
export type RouteName = keyof typeof ROUTES;

/** What the body of a request to a route says. */
export type Body<Name extends RouteName> = (typeof ROUTES)[Name] extends {
  body: infer Shape extends z.ZodMiniType;
}
  ? z.output<Shape>
  : undefined;

/** What the query of a request to a route says. */
export type Query<Name extends RouteName> = (typeof ROUTES)[Name] extends {
  query: infer Shape extends z.ZodMiniType;
}
  ? z.output<Shape>
  : undefined;

/** The values of the parameters of a path. */
export type Parameters = Record<keyof typeof PARAMETERS, string>;

/** The address of a route, with its parameters and query in place. */
export function addressOf(name: RouteName, parameters: Partial<Parameters> = {}, query: object = {}): string {
  const path = ROUTES[name].path.replace(/\{(\w+)\}/g, (_, each: string) =>
    encodeURIComponent(parameters[each as keyof Parameters] ?? ''),
  );
  const asked = Object.entries(query).filter(([, value]) => value !== undefined);
  return asked.length === 0
    ? path
    : `${path}?${new URLSearchParams(asked.map(([key, value]): [string, string] => [key, String(value)]))}`;
}

/** Of a route that takes no query. */
export const NO_QUERY = z.strictObject({});
