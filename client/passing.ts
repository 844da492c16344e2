import { isPassing, nameOf } from '../adapters/_aws.ts';
import { RolloutError } from '../core/errors.ts';

/** True for an error of a client that another try may not meet: a network, a throttle or a fault of AWS. */
export function mayPass(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (RolloutError.is(error)) return error.code === 'Unavailable';
  if ([nameOf(error), nameOf(cause)].includes('CredentialsProviderError')) return false;
  return isPassing(cause ?? error);
}
