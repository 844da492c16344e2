/** Longest wait for an answer, in milliseconds. */
const TIMEOUT_MS = 8_000;

/** What a link proves, if this page was opened by one; it stands in no address that is kept. */
let proof: Record<string, string> = {};

/** Reads and commands by the token of a link from now on. */
export function useToken(token: string): void {
  proof = { authorization: `Bearer ${token}` };
}

/** Why something was not answered as it was asked. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** What came back: nothing new, or a body. */
interface Answer<Body> {
  body?: Body | undefined;
  tag?: string | undefined;
  /** What time it is for the controller, in milliseconds since 1970. */
  now?: number | undefined;
  /** How far this machine's clock is ahead of the server's, in milliseconds. */
  ahead?: number | undefined;
}

/** Reads something, unless it is still what `tag` names. @throws Refused if the API says why not, TypeError or DOMException if nothing answers */
export async function read<Body>(path: string, tag: string | undefined): Promise<Answer<Body>> {
  const response = await fetch(path, {
    headers: { ...proof, ...(tag === undefined ? {} : { 'if-none-match': tag }) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: 'no-store',
  });
  const { headers, status } = response;
  if (status !== 200 && status !== 304) throw await refusal(response);
  const [time, date] = [headers.get('spillway-time'), headers.get('date')];
  return {
    ...(status === 200 ? { body: (await response.json()) as Body } : {}),
    tag: headers.get('etag') ?? undefined,
    now: time === null ? undefined : Number(time),
    ahead: date === null ? undefined : Date.now() - Date.parse(date),
  };
}

/** Gives a command; `key` makes it one, however often it is sent. @throws Refused if it is not taken */
export async function give(path: string, body: object, key: string): Promise<void> {
  const response = await fetch(path, {
    method: 'POST',
    headers: {
      ...proof,
      'content-type': 'application/json',
      'idempotency-key': `"${key}"`,
      'x-spillway': '1',
    },
    body: JSON.stringify(body),
    // An abort answers once traffic is back.
    signal: AbortSignal.timeout(4 * TIMEOUT_MS),
  });
  if (!response.ok) throw await refusal(response);
}

async function refusal(response: Response): Promise<Refused> {
  const said = (await response.json().catch(() => ({}))) as { detail?: unknown };
  const detail = typeof said.detail === 'string' ? said.detail : `The answer was ${response.status}.`;
  return new Refused(response.status, detail);
}

/** What went wrong, in words. */
export const whyOf = (error: unknown): string =>
  error instanceof Refused ? error.message : 'Nothing answered; try again.';
