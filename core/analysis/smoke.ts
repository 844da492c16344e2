import { isSameJson, valueAt } from '../json-path.ts';
import { cut } from '../words.ts';
import { filled, filledText, namesIn, type Value } from './templates.ts';
import type { SmokeChain, SmokeCheck, SmokeStatus } from './types.ts';

/** What came back for a smoke test, as the caller of its front door would have it. */
export interface SmokeAnswer {
  /** Absent for a whole event, whose payload is looked at. */
  status?: number | undefined;
  /** By lower-case name. */
  headers: Record<string, string[]>;
  /** The body as text, decoded. */
  body: string;
  /** Bytes of the body. */
  bytes: number;
  /** Milliseconds from question to answer. */
  tookMs: number;
}

/** The checks of a smoke test's hook, in the order in which they are sent. */
export function checksOf(spec: SmokeCheck | SmokeChain | Record<string, string>): SmokeCheck[] {
  return 'chain' in spec && typeof spec.chain === 'object' ? spec.chain : [spec as SmokeCheck];
}

/** What people read: its name, or its method and path as they stand in the file, so that no value shows. */
export function subjectOf({ name, method, path, payload }: SmokeCheck): string {
  return name ?? (payload === undefined ? `${method} ${path}` : 'the event');
}

/** The same check with its names filled in; `fault` if a value cannot stand where it is used. */
export function filledCheck(
  check: SmokeCheck,
  values: Record<string, Value>,
): SmokeCheck | { fault: string } {
  const { path, headers, body, form, pathParameters, authorizer, payload, expect, ...others } = check;
  const found = {
    ...others,
    path: filledText(path, values, encodeURIComponent),
    ...(headers && { headers: asTexts(headers, values) }),
    ...(body === undefined || check.isBase64 ? { body } : { body: filledBody(body, values) }),
    ...(form && { form: asTexts(form, values) }),
    ...(pathParameters && { pathParameters: asTexts(pathParameters, values) }),
    ...(authorizer && { authorizer: filled(authorizer, values) }),
    ...(payload === undefined ? {} : { payload: filled(payload, values) }),
    expect: {
      ...expect,
      ...(expect.text === undefined ? {} : { text: filledText(expect.text, values) }),
      ...(expect.headers && { headers: asTexts(expect.headers, values) }),
      ...(expect.cookies && { cookies: asTexts(expect.cookies, values) }),
      json: filled(expect.json, values),
    },
  };
  const unsafe = Object.entries(found.headers ?? {}).find(([, value]) =>
    [value].flat().some((each) => /[^\t\x20-\uffff]|\x7f/.test(each)),
  );
  return unsafe === undefined
    ? found
    : {
        fault: `cannot be sent: a value that its header ${unsafe[0]} takes has characters no header can carry`,
      };
}

/** True if its answer may hold a captured value or a secret, so that nothing of the answer may be quoted. */
export function isPrivate(check: SmokeCheck): boolean {
  return check.capture !== undefined || check.secrets !== undefined || namesIn(check).length > 0;
}

/** Says whether an answer is what the check expects; the first thing that is not is the reason. `written` is the check before its names were filled in. */
export function judgeSmoke(
  check: SmokeCheck,
  answer: SmokeAnswer,
  written: SmokeCheck = check,
): { status: 'pass' | 'fail'; reason: string } {
  const wrong = mismatches(check, answer, isPrivate(written) ? written : undefined)[0];
  const subject = subjectOf(written);
  return wrong === undefined
    ? {
        status: 'pass',
        reason: `${subject} answered ${answer.status ?? 'as expected'} in ${answer.tookMs} ms`,
      }
    : { status: 'fail', reason: `${subject} ${wrong}` };
}

/** The values that a check captures from its answer; `fault` names the first that is not there. */
export function capturedFrom(
  { capture = {} }: SmokeCheck,
  answer: SmokeAnswer,
): { values: Record<string, Value> } | { fault: string } {
  const values: Record<string, Value> = {};
  for (const [name, from] of Object.entries(capture)) {
    const found = standing(from, answer);
    if (!['string', 'number', 'boolean'].includes(typeof found)) {
      const what = found === undefined || found === null ? 'nothing' : 'a list or map';
      return { fault: `answered with ${what} at ${from}, which {{${name}}} should be; correct \`capture\`` };
    }
    values[name] = found as Value;
  }
  return { values };
}

/** True if nothing but time is wrong, so that a warm try may show the cold start was to blame. */
export function isOnlySlow(check: SmokeCheck, answer: SmokeAnswer): boolean {
  return mismatches(check, answer).length > 0 && mismatches(check, { ...answer, tookMs: 0 }).length === 0;
}

/** `hidden` is the check as written if nothing of the answer, and nothing that was filled in, may be quoted. */
function mismatches(
  { expect }: SmokeCheck,
  { status, headers, body, bytes, tookMs }: SmokeAnswer,
  hidden?: SmokeCheck,
): string[] {
  const quote = (text: string) => (hidden === undefined ? `: ${excerpt(text)}` : '');
  const value = (found: unknown) =>
    hidden === undefined ? excerpt(JSON.stringify(found) ?? 'nothing') : 'another value';
  const said = hidden?.expect ?? expect;
  const wrong: string[] = [];
  if (expect.status !== undefined && !isStatus(status ?? 0, expect.status)) {
    const to = headers.location?.[0];
    const where = to === undefined || hidden !== undefined ? '' : ` (location: ${excerpt(to)})`;
    wrong.push(`answered ${status}${where} instead of ${listed(expect.status)}${quote(body)}`);
  }
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const found = headers[name.toLowerCase()];
    wrong.push(...unlike(`header ${name}`, wanted, found, said.headers?.[name] ?? wanted, value));
  }
  for (const [name, wanted] of Object.entries(expect.cookies ?? {})) {
    const found = cookieOf(headers, name);
    wrong.push(...unlike(`cookie ${name}`, wanted, found, said.cookies?.[name] ?? wanted, value));
  }
  if (expect.text !== undefined && !body.includes(expect.text))
    wrong.push(`answered without "${said.text}"${quote(body)}`);
  const { min = 0, max = Number.POSITIVE_INFINITY } = expect.length ?? {};
  if (bytes < min || bytes > max)
    wrong.push(
      `answered ${bytes} bytes instead of ${min === max ? min : `${min} to ${max === Number.POSITIVE_INFINITY ? 'more' : max}`}`,
    );
  const json = Object.keys(expect.json).length === 0 ? undefined : parsed(body);
  for (const [path, expected] of Object.entries(expect.json)) {
    const found = valueAt(json, path);
    if (!isSameJson(found, expected))
      wrong.push(`answered ${path} = ${value(found)} instead of ${JSON.stringify(said.json[path])}`);
  }
  if (expect.underMs !== undefined && tookMs >= expect.underMs)
    wrong.push(`took ${tookMs} ms; it must stay under ${expect.underMs} ms`);
  return wrong;
}

/** What is wrong with a header or cookie; `said` is what people may read of what was wanted. */
function unlike(
  what: string,
  wanted: string | boolean,
  found: string[] | undefined,
  said: string | boolean,
  value: (found: unknown) => string,
): string[] {
  if (wanted === false) return found === undefined ? [] : [`answered with ${what}, which must not be there`];
  if (found === undefined) return [`answered without ${what}`];
  if (wanted === true || [...found, found.join(', ')].some((each) => isLike(each, wanted))) return [];
  return [`answered ${what} = ${value(found.join(', '))} instead of ${JSON.stringify(said)}`];
}

/** True if a text is like a pattern in which `*` stands for anything; takes time in proportion to both at worst, which a regular expression does not promise. */
function isLike(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** True if a status is the one, of the class (`2xx`) or in the range (`200-299`) that is expected, or in one of several. */
function isStatus(status: number, expected: SmokeStatus | readonly SmokeStatus[]): boolean {
  return [expected].flat().some((each) => {
    const [from = '', to = from] = String(each).split('-');
    return status >= Number(from.replaceAll('x', '0')) && status <= Number(to.replaceAll('x', '9'));
  });
}

function listed(expected: SmokeStatus | readonly SmokeStatus[]): string {
  return [expected].flat().join(' or ');
}

function standing(from: string, { headers, body }: SmokeAnswer): unknown {
  if (from.startsWith('$')) return valueAt(parsed(body), from);
  const name = from.slice(from.indexOf('.') + 1);
  return from.startsWith('cookie.') ? cookieOf(headers, name)?.[0] : headers[name.toLowerCase()]?.[0];
}

/** The values of one cookie that an answer sets. */
function cookieOf(headers: Record<string, string[]>, name: string): string[] | undefined {
  const found = (headers['set-cookie'] ?? []).flatMap((line) => {
    const [pair = ''] = line.split(';');
    const at = pair.indexOf('=');
    return at !== -1 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : [];
  });
  return found.length === 0 ? undefined : found;
}

function asTexts<T extends string | string[] | boolean>(
  map: Record<string, T>,
  values: Record<string, Value>,
): Record<string, T> {
  const fill = (value: unknown): unknown =>
    typeof value === 'string' ? filledText(value, values) : Array.isArray(value) ? value.map(fill) : value;
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, fill(value) as T]));
}

/** JSON stays JSON whatever stands in a value. */
function filledBody(body: string, values: Record<string, Value>): string {
  if (namesIn(body).length === 0 && !body.includes('\\{{')) return body;
  const json = parsed(body);
  return json === undefined ? filledText(body, values) : JSON.stringify(filled(json, values));
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Enough of a body to recognize it on one line, and too little to fill a log with a customer's data. */
function excerpt(body: string): string {
  const text = body.slice(0, 500).replace(/\p{Cc}+/gu, ' ');
  return text.length <= 120 ? text : `${cut(text, 120)}…`;
}
