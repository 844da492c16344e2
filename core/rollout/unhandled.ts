/** An error as a Catch of Step Functions hands it on; a timeout has an empty Cause. */
export interface Unhandled {
  Error?: string | undefined;
  Cause?: string | undefined;
}

/** What the names say by which Lambda and Step Functions report that one of the controller's functions did not get through. */
const WORDS: Record<string, string> = {
  'Lambda.ClientExecutionTimeoutException': 'Lambda did not answer in time',
  'Lambda.TooManyRequestsException':
    'Lambda throttled one of its functions; raise the concurrency of the account, or reserve some for the controller',
  'Lambda.Unknown': 'one of its functions ended without an answer',
  'Runtime.ExitError': 'one of its functions ended without an answer',
  'Runtime.OutOfMemory': 'one of its functions ran out of memory; give it more',
  'Sandbox.Timedout': 'one of its functions did not end in time',
  'States.Timeout': 'one of its functions did not end in time',
};

/** Longest part of a Cause that is repeated, in characters: a reason is read in a terminal. */
const SAID_MAX = 300;

/** One sentence about the error that the controller could not handle, without the JSON and the request ids of AWS. */
export function unhandled({ Error: name = 'an error without a name', Cause = '' }: Unhandled): string {
  const said = WORDS[name] ?? messageOf(Cause);
  return `the controller met an error that it could not handle: ${said === '' ? name : `${said} (${name})`}`;
}

/** The message within a Cause: functions answer with JSON, and services with a text that ends in `(Service: ...; Request ID: ...)` (recorded from AWS, LocalStack snapshot tests of Step Functions' Lambda tasks, 2024). */
function messageOf(cause: string): string {
  const text = messageIn(cause) ?? cause.replace(/\s*\(Service: .*$/s, '');
  return text.length > SAID_MAX ? `${text.slice(0, SAID_MAX)}…` : text;
}

function messageIn(cause: string): string | undefined {
  try {
    const { errorMessage } = Object(JSON.parse(cause)) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return undefined;
  }
}
