import { RolloutError } from '../core/errors.ts';

/** The error that a function of the controller answered, as a local throw would have made it. */
export function remoteError({
  errorType = 'Error',
  errorMessage = 'no message',
}: {
  errorType?: string;
  errorMessage?: string;
}): Error {
  // The stack of any other error is the controller's, and stands in the log of that function.
  const unknown = () => Object.assign(new Error(errorMessage), { name: errorType, code: errorType });
  return RolloutError.named(errorType, errorMessage) ?? unknown();
}
