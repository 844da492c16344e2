/** An execution that ended otherwise than a rollout ends. */
export interface Death {
  rolloutId: string;
  /** The rollout's epoch that it carried. */
  epoch: number;
  name: string;
  /** How it ended, such as `TIMED_OUT`. */
  how: string;
}

/** What there is to do about a rollout: to report what is new, and first to page for an execution that died. */
export interface Errand {
  rolloutId: string;
  died?: Death | undefined;
  /** How often it could not be done. */
  tries?: number | undefined;
}
