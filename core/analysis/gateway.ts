import type { SmokeEvent } from './types.ts';

/** An answer as the caller of a front door sees it, before base64 and content encodings are undone. */
interface GatewayAnswer {
  status: number;
  /** By lower-case name; `set-cookie` may have several. */
  headers: Record<string, string[]>;
  body: string;
  isBase64: boolean;
}

/** Largest JSON that a load balancer takes from a function, in bytes (Elastic Load Balancing user guide, "Lambda functions as targets", Limits). */
const ALB_BYTES_MAX = 1024 * 1024;

/** All that a REST API takes in an answer. AWS answers 502 to any other field, and 200 if none is there (LocalStack test_apigateway_lambda.py::test_lambda_aws_proxy_response_format, validated against AWS). */
const REST_FIELDS = ['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'];

/** What each front door is called, and what its caller gets in place of an answer that it cannot read. */
const DOORS: Record<SmokeEvent, { name: string; status: number }> = {
  url: { name: 'a function URL', status: 502 },
  http: { name: 'an HTTP API', status: 500 },
  rest: { name: 'a REST API', status: 502 },
  alb: { name: 'a load balancer', status: 502 },
};

/** Eight zero bytes end the head of a streamed answer (Lambda developer guide, "Response streaming"; what the runtime's `HttpResponseStream` writes). */
const HEAD_END = '\0'.repeat(8);

/**
 * Reads what a function answered as its front door does: a function URL and an HTTP API take a bare value for the body of a
 * 200, a REST API and a load balancer do not. `malformed` says why the caller would get an error in its place.
 */
export function gatewayAnswer(
  event: SmokeEvent,
  text: string,
  { multiValue = false, bytes = text.length }: { multiValue?: boolean | undefined; bytes?: number } = {},
): GatewayAnswer | { malformed: string } {
  const { name, status } = DOORS[event];
  const fault = event === 'alb' && bytes > ALB_BYTES_MAX ? tooLong(bytes) : undefined;
  const read = fault ?? answerIn(event, text, multiValue);
  return typeof read === 'string' ? { malformed: `${read}; ${name} turns that into ${status}` } : read;
}

const tooLong = (bytes: number) => `its answer has ${bytes} bytes of JSON, and ${ALB_BYTES_MAX} are allowed`;

function answerIn(event: SmokeEvent, text: string, multiValue: boolean): GatewayAnswer | string {
  const streamed = event === 'url' || event === 'rest' ? streamedAnswer(text) : undefined;
  if (streamed !== undefined) return streamed;
  const isBareTaken = event === 'url' || event === 'http';
  const answer = parsed(text);
  if (!isRecord(answer)) {
    // A value that is no map stands for status 200 and itself (API Gateway developer guide, "Lambda function response for format 2.0").
    return isBareTaken
      ? bare(answer, text)
      : `its answer is ${kindOf(answer)} and must be a map with a status`;
  }
  if (isBareTaken && !Object.hasOwn(answer, 'statusCode')) return bare(answer, text);
  return faultOf(event, answer) ?? readAnswer(event, answer, multiValue);
}

/** The first thing that keeps the front door from reading it. Only what is documented or was seen is a fault; that HTTP APIs and function URLs refuse a body that is no text too is assumed. */
function faultOf(event: SmokeEvent, answer: Record<string, unknown>): string | undefined {
  const strange = Object.keys(answer).find((key) => event === 'rest' && !REST_FIELDS.includes(key));
  if (strange !== undefined)
    return `its answer has the field ${JSON.stringify(strange.slice(0, 60))}, and only ${REST_FIELDS.join(', ')} are allowed`;
  if (event !== 'rest' || Object.hasOwn(answer, 'statusCode')) {
    if (statusFrom(answer.statusCode) === undefined)
      return `its statusCode is ${shown(answer.statusCode)} and must be a whole number from 100 to 599`;
  }
  if (answer.body != null && typeof answer.body !== 'string')
    return `its body is ${kindOf(answer.body)} and must be a text; use JSON.stringify`;
  return headersFault(event, answer);
}

/** API Gateway takes numbers and booleans; a load balancer takes texts alone (seen in CodeGenieApp/serverless-express#699 and jeremydaly/lambda-api#117). */
function headersFault(
  event: SmokeEvent,
  { headers, multiValueHeaders }: Record<string, unknown>,
): string | undefined {
  if (headers != null && !isRecord(headers))
    return `its headers are ${kindOf(headers)} and must be a map of texts`;
  const nested = Object.entries(headers ?? {}).find(
    ([, value]) =>
      (typeof value === 'object' && value !== null) || (event === 'alb' && typeof value !== 'string'),
  );
  if (nested !== undefined)
    return `its header ${shown(nested[0])} is ${kindOf(nested[1])} and must be a text; several values go into multiValueHeaders`;
  if (event === 'url' || event === 'http') return undefined;
  if (multiValueHeaders != null && !isRecord(multiValueHeaders))
    return `its multiValueHeaders are ${kindOf(multiValueHeaders)} and must be a map of lists`;
  const single = Object.entries(multiValueHeaders ?? {}).find(([, value]) => !Array.isArray(value));
  return single && `its multi-value header ${shown(single[0])} is ${kindOf(single[1])} and must be a list`;
}

function readAnswer(
  event: SmokeEvent,
  { statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded }: Record<string, unknown>,
  multiValue: boolean,
): GatewayAnswer {
  const found: Record<string, string[]> = {};
  const add = (name: string, value: unknown) => {
    found[name.toLowerCase()] = [value].flat().map(String);
  };
  // A load balancer reads one of the two, by the setting of its target group.
  if (event !== 'alb' || !multiValue) for (const [name, value] of entriesOf(headers)) add(name, value);
  if (event === 'rest' || (event === 'alb' && multiValue))
    for (const [name, value] of entriesOf(multiValueHeaders)) add(name, value);
  if ((event === 'url' || event === 'http') && Array.isArray(cookies)) add('set-cookie', cookies);
  return {
    status: statusFrom(statusCode) ?? 200,
    headers: found,
    body: typeof body === 'string' ? body : '',
    isBase64: isBase64Encoded === true || isBase64Encoded === 'true',
  };
}

/** Compact JSON, as function URLs write a value anew (recorded: LocalStack test_lambda.py::TestLambdaURL::test_lambda_url_invocation). */
function bare(value: unknown, text: string): GatewayAnswer {
  const body = typeof value === 'string' ? value : value === undefined ? text : JSON.stringify(value);
  return { status: 200, headers: { 'content-type': ['application/json'] }, body, isBase64: false };
}

/** A handler that streams writes its status and headers before the body. */
function streamedAnswer(text: string): GatewayAnswer | undefined {
  const at = text.startsWith('{') ? text.indexOf(HEAD_END) : -1;
  if (at === -1) return undefined;
  const head = parsed(text.slice(0, at));
  if (!isRecord(head)) return undefined;
  const { statusCode = 200, headers, cookies } = head;
  return readAnswer('url', { statusCode, headers, cookies, body: text.slice(at + HEAD_END.length) }, false);
}

/** AWS' own examples write it as a text too, like "200". */
function statusFrom(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof status === 'number' && Number.isInteger(status) && status >= 100 && status <= 599
    ? status
    : undefined;
}

const entriesOf = (value: unknown) =>
  isRecord(value) ? Object.entries(value).filter(([, item]) => item != null) : [];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function kindOf(value: unknown): string {
  if (value === undefined) return 'no JSON';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}

const shown = (value: unknown) => (JSON.stringify(value) ?? 'missing').slice(0, 60);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
