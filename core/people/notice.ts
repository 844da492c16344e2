import type { Actor } from '../rollout/actor.ts';
import type { RolloutView } from '../rollout/view.ts';
import type { Instant, Percent } from '../units.ts';
import type { Ahead } from './ahead.ts';
import type { Phase } from './standing.ts';
import type { Importance, Transition } from './transition.ts';

/** What people are to know of a rollout: a transition, or what was said about one besides. */
export interface Notice {
  /** `<rolloutId>#<n>` of a transition, `<rolloutId>#<n>.<k>` of what was said besides: the same however often it is sent. */
  id: string;
  /** Number of the rollout's event, and of what was said besides; 0 for a transition. */
  n: number;
  k: number;
  kind: Transition['kind'] | Besides['kind'];
  at: Instant;
  line: string;
  importance: Importance;
  by?: Actor | undefined;
  /** Of a transition, all of it. */
  transition?: Transition | undefined;
}

/** What is said about a rollout that is no event of it: a page that is repeated, somebody who acknowledges one, an execution that died, a revert that takes too long. */
export interface Besides {
  /** Number of the rollout's last event when it was said, and of what was said besides. */
  n: number;
  k: number;
  kind: 'repeated' | 'acknowledged' | 'died' | 'stuck';
  at: Instant;
  line: string;
  importance: Importance;
  by?: Actor | undefined;
}

/** What a rollout needs a person for now, as it was said. */
export interface Paged {
  /** The same as long as it is the same need; an acknowledgement names it. */
  key: string;
  reason: string;
  acknowledgedBy?: Actor | undefined;
}

/** What one sink is to deliver now. */
export interface News {
  /** What it has not delivered yet, oldest first, as far as its route asks for it; none if only the state is new. */
  notices: Notice[];
  /** The rollout as it is now, whatever the notices say of the past. */
  view: RolloutView;
  phase: Phase;
  weight: Percent;
  ahead?: Ahead | undefined;
  paged?: Paged | undefined;
  /** The commit that served before, if it is known. */
  since?: string | undefined;
  links: Links;
}

/** Addresses that a message may carry; the first two are absent if the deployment has no public one, or if the route wants none. */
export interface Links {
  details?: string | undefined;
  /** Aborts when its button is pressed; absent once the rollout has ended. */
  abort?: string | undefined;
  /** Pauses when its button is pressed; absent unless that is possible now. */
  pause?: string | undefined;
  /** Where its commit and its author are shown, if the deployment says so. */
  commit?: string | undefined;
  author?: string | undefined;
}

/** What a sink remembers of a rollout, such as the message that it updates. */
export type Memo = Record<string, string>;

/** Something that a sink has done for good, so that it is not done again. */
export interface Delivered {
  /** Everything up to this notice is delivered. */
  upTo?: Pick<Notice, 'n' | 'k'> | undefined;
  memo?: Memo | undefined;
}

/** Where people read of rollouts. */
export interface Sink {
  /** What it has delivered is remembered under this. */
  key: string;
  /**
   * Delivers news and says after each step what is done. If it throws, the rest is delivered later: a RolloutError `RateLimited`
   * says when, at the earliest.
   */
  deliver(news: News, memo: Memo | undefined): AsyncIterable<Delivered>;
}
