import { type Access, LINKS, type Route } from './access.ts';
import type { Notice } from './notice.ts';

/** Where the rollouts of a service are reported. */
export function routesOf({ notify }: Access, service: string): Route[] {
  return ['*', service].flatMap((key) => (Object.hasOwn(notify, key) ? (notify[key] ?? []) : []));
}

/** What two routes to the same place ask for together: the wider of both. */
export function widest(one: Route, other: Route): Route {
  const links = LINKS.findLast((each) => each === linksOf(one) || each === linksOf(other));
  return { ...one, only: widestOnly(one.only, other.only), links };
}

/** What links messages to a place have. A channel is read by the team; who gets what a topic or webhook is sent, only its owner knows. */
export const linksOf = (route: Route): (typeof LINKS)[number] =>
  route.links ?? ('slack' in route ? 'abort' : 'none');

function widestOnly(one: Route['only'], other: Route['only']): Route['only'] {
  if (one === undefined || other === undefined) return undefined;
  return one === 'important' || other === 'important' ? 'important' : 'pages';
}

/** True for a notice that a route asks for. */
export function isAskedFor({ only }: Route, { importance, kind }: Notice): boolean {
  if (only === undefined || importance === 'page' || kind === 'acknowledged') return true;
  return only === 'important' && importance === 'important';
}

/** Kinds that everybody in a channel is to see who does not follow the rollout. */
const LOUD: readonly Notice['kind'][] = [
  ...(['reverting', 'reverted', 'waiting', 'rejected', 'drifted', 'halted'] as const),
];

/** True for a notice of which everybody is to know at once. */
export const isLoud = ({ importance, kind }: Notice): boolean => importance === 'page' || LOUD.includes(kind);
