import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { RolloutError } from '../core/errors.ts';
import type { Clock, OwnSecret, Tokens, TokenType } from '../core/ports.ts';

/** Least length of a key, in bytes: that of the signature (RFC 7518, 3.2). */
const KEY_BYTES_MIN = 32;

/** Longest token that is looked at, in characters: that of a command holds a reason. */
const TOKEN_MAX = 16_384;

/** Keys by their ids; `current` signs, and the others are kept until what they signed has expired. */
interface Keys {
  current: string;
  keys: Record<string, Uint8Array>;
}

/** Where tokens are of use, and what their ids are made by. */
interface Place {
  environment: string;
  clock: Clock;
  newId?: (() => string) | undefined;
}

/**
 * Tokens as JSON Web Tokens of one shape: HS256, a type of their own, this environment, an expiry and an id. The secret is
 * `{"current": "k1", "keys": {"k1": "<hex>"}}`; it is read when the first token is, so that a bad one stops nothing else, and
 * once more for a token whose key is not known.
 */
export function tokens(secret: OwnSecret, { environment, clock, newId = randomUUID }: Place): Tokens {
  let known: { text: string; keys: Keys } | undefined;
  const keysNow = async (isDoubted = false): Promise<Keys> => {
    const text = await secret(isDoubted);
    if (known?.text !== text) known = { text, keys: keysFrom(text) };
    return known.keys;
  };
  const keyOf = async (kid: unknown): Promise<Uint8Array | undefined> => {
    if (typeof kid !== 'string') return undefined;
    for (const isDoubted of [false, true]) {
      const { keys } = await keysNow(isDoubted);
      if (Object.hasOwn(keys, kid)) return keys[kid];
    }
    return undefined;
  };
  return {
    async sign(type, claims, expiresAt) {
      const { current, keys } = await keysNow();
      const [iat, exp] = [clock.now(), expiresAt].map((at) => Math.floor(at / 1000));
      const header = coded({ alg: 'HS256', kid: current, typ: typOf(type) });
      const text = `${header}.${coded({ ...claims, aud: environment, iat, exp, jti: newId() })}`;
      return `${text}.${signature(text, keys[current] as Uint8Array)}`;
    },
    async read(type, token) {
      const [head = '', body = '', signed = '', more] = token.length > TOKEN_MAX ? [] : token.split('.', 4);
      const header = signed === '' || more !== undefined ? undefined : decoded(head);
      if (header === undefined) throw invalid('it is not whole');
      if (header.alg !== 'HS256' || header.crit !== undefined)
        throw invalid('it is not signed as tokens are here');
      if (header.typ !== typOf(type)) throw invalid('it is for something else');
      const key = await keyOf(header.kid);
      if (key === undefined) throw invalid('its key is not known here, or not any more');
      // Its text is compared, since the same bytes can be written in several ways.
      if (!isSame(signed, signature(`${head}.${body}`, key))) throw invalid('its signature does not fit');
      const claims = decoded(body);
      if (claims?.aud !== environment) throw invalid('it is for another environment');
      if (typeof claims.exp !== 'number' || typeof claims.jti !== 'string' || claims.jti === '')
        throw invalid('it has no expiry or no id');
      if (claims.exp * 1000 <= clock.now()) throw invalid('it has expired');
      return claims;
    },
  };
}

/** @throws Error that names what is wrong with the secret, and never what it holds */
function keysFrom(secret: string): Keys {
  const wrong = (what: string) =>
    new Error(`The secret PeopleKeys ${what}; set it to {"current": "k1", "keys": {"k1": "<hex>"}}.`);
  const { current, keys: written } = parsed(secret) ?? {};
  if (typeof current !== 'string' || typeof written !== 'object' || written === null)
    throw wrong('cannot be read');
  const isKey = (hex: unknown) =>
    typeof hex === 'string' && /^(?:[0-9a-f]{2})+$/i.test(hex) && hex.length >= 2 * KEY_BYTES_MIN;
  if (!Object.values(written).every(isKey))
    throw wrong(`has a key that is not at least ${KEY_BYTES_MIN} bytes in hexadecimal`);
  if (!Object.hasOwn(written, current)) throw wrong('has no key under the id that it calls current');
  const keys = Object.entries(written).map(([kid, hex]) => [kid, Buffer.from(String(hex), 'hex')] as const);
  return { current, keys: Object.fromEntries(keys) };
}

const typOf = (type: TokenType) => `spillway-${type}+jwt`;

const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const signature = (text: string, key: Uint8Array) =>
  createHmac('sha256', key).update(text).digest('base64url');

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

const decoded = (part: string) => parsed(Buffer.from(part, 'base64url').toString());

/** A JSON object; undefined for everything else. */
function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function invalid(why: string): RolloutError {
  return new RolloutError('TokenInvalid', `The token is not accepted: ${why}.`);
}
