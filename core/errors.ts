/** Refusals that only who gives a command meets: no state of the machine can. */
export const DOOR_CODES = [
  'TokenInvalid',
  'NotAllowed',
  'CommandRepeated',
  'RateLimited',
  'RequestInvalid',
] as const;

/** Every way in which Spillway itself refuses or fails. Step Functions matches the code, so it is part of the wire contract. */
export const ERROR_CODES = [
  'EventInvalid',
  'ManifestInvalid',
  'RolloutFileInvalid',
  'OpeningRefused',
  'CommandRefused',
  'TargetInvalid',
  'JournalConflict',
  'JournalFull',
  'RolloutUnknown',
  'RevertFailed',
  'AccountRefused',
  'Unavailable',
  ...DOOR_CODES,
] as const;
/** One of the codes. */
export type ErrorCode = (typeof ERROR_CODES)[number];

interface Details extends ErrorOptions {
  isThrottled?: boolean;
  retryAfter?: number;
}

/**
 * A refusal or failure that a person or Step Functions can act on: `name` is the code, because Lambda reports
 * `error.name` and the state machine's `ErrorEquals` matches it. `Unavailable` is worth a retry at once, `AccountRefused` once somebody has changed the account.
 */
export class RolloutError extends Error {
  readonly code: ErrorCode;
  /** True if a call was refused for its rate alone, so that it had no effect. */
  readonly isThrottled: boolean;
  /** In how many seconds another try may succeed, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: Details = {}) {
    super(message, options);
    this.code = code;
    this.isThrottled = options.isThrottled ?? false;
    this.retryAfter = options.retryAfter;
    this.name = code;
  }

  /** An error of another function by what Lambda tells of it; undefined if it is none of Spillway's own. */
  static named(name: string | undefined, message: string): RolloutError | undefined {
    const code = ERROR_CODES.find((each) => each === name);
    return code && new RolloutError(code, message);
  }

  static is(error: unknown, code?: ErrorCode): error is RolloutError {
    return error instanceof RolloutError && (code === undefined || error.code === code);
  }
}
