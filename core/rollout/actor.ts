/** How a command can come. */
export const WAYS = ['iam', 'oidc', 'slack', 'link', 'hook', 'controller'] as const;

/** Who caused an event: a person, or a program that acts for one. */
export interface Actor {
  /** The name by which it is known where it came from, such as an ARN or a login. */
  id: string;
  /** What people call it, if that is something else. */
  name?: string | undefined;
  /** How the command came. */
  via: (typeof WAYS)[number];
  /** True if somebody else than the actor itself vouches for the id. */
  isVerified: boolean;
  /** Who it is, whatever way the command came, where the settings of the deployment say so. */
  person?: string | undefined;
}

/** The controller, acting by itself. */
export const SPILLWAY: Actor = { id: 'spillway', via: 'controller', isVerified: true };

/** The plan's own command if nobody can say whether the canary is good. */
export const PLANS: Actor = { id: 'onInconclusive', via: 'controller', isVerified: true };

/** True for a command that the plan gave. */
export const isPlans = ({ id, via }: Actor): boolean => id === PLANS.id && via === 'controller';

/** An actor in a sentence; a text is one of an event from before there were actors. */
export const nameOf = (by: Actor | string): string =>
  typeof by === 'string' ? by : (by.person ?? by.name ?? by.id);

/** Whose release it is, as far as anybody said. */
export const authorOf = ({
  author,
  by,
}: {
  author?: string | undefined;
  by?: Actor | undefined;
}): string | undefined => author ?? (by && nameOf(by));

/** Whose voice it is: one person counts once, whatever ways the orders came. */
export const voiceOf = (by: Actor | string): string => (typeof by === 'string' ? by : (by.person ?? by.id));
