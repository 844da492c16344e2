import type { SecretRef } from '../core/analysis/types.ts';
import type { Clock, Secrets } from '../core/ports.ts';
import { nameOf, unavailable } from './_aws.ts';
import { type Signer, signedCalls } from './signed-calls.ts';

/** How long a value is used again, so that probes do not read it every second; a rotated secret is seen after that. */
const KEPT_MS = 60_000;

interface Answer {
  __type?: unknown;
  SecretString?: unknown;
  Parameter?: { Value?: unknown };
}

/** The one call of each service, and where its answer has the value (API references of Secrets Manager and Systems Manager). */
const SOURCES = {
  secret: {
    service: 'secretsmanager',
    action: 'secretsmanager.GetSecretValue',
    input: (name: string) => ({ SecretId: name }),
    value: (answer: Answer) => answer.SecretString,
    what: 'Secrets Manager secret',
  },
  parameter: {
    service: 'ssm',
    action: 'AmazonSSM.GetParameter',
    input: (name: string) => ({ Name: name, WithDecryption: true }),
    value: (answer: Answer) => answer.Parameter?.Value,
    what: 'Parameter Store parameter',
  },
};

/**
 * Reads a secret of Secrets Manager or Parameter Store by a signed request with the credentials of a client that is there
 * already: the client of Systems Manager alone would make a function's bundle twice as large.
 * @throws RolloutError Unavailable for what another try may pass, Error naming the fix for what it may not
 */
export function secretReader(signer: Signer, clock: Clock): (ref: SecretRef) => Promise<string> {
  const signed = signedCalls(signer, clock);
  return async ({ from, name }) => {
    const { service, action, input, value, what } = SOURCES[from];
    const response = await signed(service, action, input(name)).catch((error: unknown) => {
      throw unavailable(`${what} ${name} could not be read: ${nameOf(error)}`, error);
    });
    const answer = (await response.json().catch(() => ({}))) as Answer;
    if (!response.ok) throw refusal(`${what} ${name}`, answer.__type, response.status);
    const found = value(answer);
    if (typeof found !== 'string') throw new Error(`${what} ${name} holds no text; store one there`);
    return found;
  };
}

/** Secrets of smoke tests. */
export function awsSecrets(signer: Signer, clock: Clock): Secrets {
  const kept = new Map<string, { value: string; until: number }>();
  const call = secretReader(signer, clock);
  return {
    async read(ref) {
      const key = `${ref.from} ${ref.name}`;
      const before = kept.get(key);
      if (before !== undefined && before.until > clock.now()) return before.value;
      const value = await call(ref);
      kept.set(key, { value, until: clock.now() + KEPT_MS });
      return value;
    },
  };
}

/** Says why it was refused and never repeats what the service said, which might hold anything. */
function refusal(what: string, type: unknown, status: number): Error {
  const name = /([A-Za-z]{1,60})$/.exec(typeof type === 'string' ? type : '')?.[1] ?? `HTTP ${status}`;
  if (name === 'ResourceNotFoundException' || name === 'ParameterNotFound')
    return new Error(`${what} does not exist in this account and region; create it or correct its name`);
  if (name === 'AccessDeniedException' || name === 'DecryptionFailure')
    return new Error(
      `${what} may not be read by the controller (${name}); its KMS key must allow the controller's role, or use the AWS managed key`,
    );
  const why = `${what} could not be read (${name})`;
  return status >= 500 || /Throttl|TooManyRequests/.test(name) ? unavailable(why, undefined) : new Error(why);
}
