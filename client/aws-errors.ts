import { RolloutError } from '../core/errors.ts';

/** What a call of AWS was made for, so that its failure can be reported. */
interface Purpose {
  environment: string;
  region: () => Promise<string>;
  /** The right that the call needs, as IAM names it. */
  needs: string;
}

/** Names that AWS gives to credentials it does not take (IAM user guide, "Common errors"; S3 API reference, "Error responses"). */
const NOT_ACCEPTED =
  /^(ExpiredToken|ExpiredTokenException|InvalidAccessKeyId|InvalidClientTokenId|InvalidSignatureException|InvalidToken|SignatureDoesNotMatch|UnrecognizedClientException)$/;

/** Codes of Node and names of the SDK for a network that does not answer. */
const UNREACHABLE = /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENETUNREACH|EPIPE|TimeoutError/;

/** Makes a call of AWS in the name of the present profile; its failures are reported with their fix, every other error passes unchanged. */
export async function reportedByAws<T>(purpose: Purpose, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    // An adapter speaks of what will be tried again; here nobody tries it again but the reader.
    const root = RolloutError.is(error) && error.cause instanceof Error ? error.cause : error;
    const said = root instanceof Error ? await saidOf(root, purpose) : undefined;
    if (said === undefined) throw error;
    const { name, code = name } = root as Error & { code?: string };
    throw Object.assign(new Error(said, { cause: error }), { name, code });
  }
}

async function saidOf(
  error: Error & { code?: unknown },
  { environment, region, needs }: Purpose,
): Promise<string | undefined> {
  const { name, message } = error;
  const where = await region().catch(() => 'unknown');
  if (/^Region (is missing|not accepted)/.test(message))
    return `No AWS region can be used (${message}); set AWS_REGION, or give the profile a region.`;
  const { AWS_PROFILE: profile } = process.env;
  if (name === 'CredentialsProviderError')
    return `There are no AWS credentials here${profile ? ` for profile "${profile}"` : ''} (${message}); set AWS_PROFILE to one that is signed in, as with "aws sso login".`;
  if (NOT_ACCEPTED.test(name))
    return `AWS does not accept these credentials (${name}: ${message}); sign in again, or set AWS_PROFILE to another one.`;
  if (name === 'ResourceNotFoundException')
    return `There is no controller of environment "${environment}" in this account and region (${where}): ${message}; deploy it there, or say which one is meant with --environment, AWS_PROFILE and AWS_REGION.`;
  if (/^AccessDenied(Exception)?$/.test(name))
    return `The present AWS identity may not do this (${message}); it needs ${needs}.`;
  if (UNREACHABLE.test(`${name} ${error.code}`))
    return `AWS could not be reached in ${where} (${message || String(error.code)}); check the network and AWS_REGION, then try again.`;
  return undefined;
}
