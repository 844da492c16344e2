import { jwtVerify, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import type { OwnSecret, Tokens } from '../../core/ports.ts';

const NOW = Date.parse('2026-01-05T09:00:00Z');
const OLD = '11'.repeat(32);
const NEW = '22'.repeat(48);
const secretOf = (value: object) => async () => JSON.stringify(value);
const BOTH = secretOf({ current: 'k2', keys: { k1: OLD, k2: NEW } });
const clock = { now: () => NOW, sleep: async () => {} };
const on = (secret: OwnSecret, environment = 'production') => tokens(secret, { environment, clock });

const ours = on(BOTH);
const LATER = NOW + 60_000;
const token = await ours.sign('link', { rolloutId: 'r', action: 'abort' }, LATER);
const key = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as another library makes it. */
function theirs(header: object = {}, claims: object = {}, hex = NEW): Promise<string> {
  return new SignJWT({ aud: 'production', exp: LATER / 1000, jti: 'j', ...claims })
    .setProtectedHeader({ alg: 'HS256', kid: 'k2', typ: 'spillway-link+jwt', ...header })
    .sign(key(hex));
}

async function refusal(read: () => unknown): Promise<string> {
  try {
    await read();
  } catch (error) {
    expect(error).toMatchObject({ code: 'TokenInvalid' });
    return String(error).replace(/.*not accepted: (.*)\.$/, '$1');
  }
  return 'accepted';
}

describe('what is signed', () => {
  test('is what another library reads as a token of HS256', async () => {
    const { payload, protectedHeader } = await jwtVerify(token, key(NEW), {
      algorithms: ['HS256'],
      audience: 'production',
      typ: 'spillway-link+jwt',
      requiredClaims: ['exp', 'iat', 'jti'],
      currentDate: new Date(NOW),
    });
    expect(protectedHeader).toEqual({ alg: 'HS256', kid: 'k2', typ: 'spillway-link+jwt' });
    expect(payload).toMatchObject({ rolloutId: 'r', action: 'abort', iat: NOW / 1000, exp: LATER / 1000 });
  });

  test('comes back with its id and its expiry, which no claim can replace', async () => {
    const signed = await ours.sign('command', { jti: 'mine', aud: 'mine', exp: 9e9, x: 'ü' }, LATER);
    const read = await ours.read('command', signed);
    expect(read).toMatchObject({ aud: 'production', exp: LATER / 1000, x: 'ü' });
    expect(read.jti).toMatch(/^[0-9a-f-]{36}$/);
    expect((await ours.read('link', token)).jti).not.toBe(read.jti);
  });

  test('by a key that is not the current one any more is read until that key is gone', async () => {
    const before = await on(secretOf({ current: 'k1', keys: { k1: OLD } })).sign('link', {}, LATER);
    expect(await ours.read('link', before)).toMatchObject({ aud: 'production' });
    const after = on(secretOf({ current: 'k2', keys: { k2: NEW } }));
    expect(await refusal(() => after.read('link', before))).toContain('its key is not known');
  });
});

describe('what another library signed', () => {
  test('is read, whatever the order of its members', async () => {
    expect(await ours.read('link', await theirs())).toMatchObject({ jti: 'j' });
  });

  test.each<[string, () => Promise<string> | string]>([
    [
      'not signed as tokens are here',
      () =>
        `${coded({ alg: 'none', kid: 'k2', typ: 'spillway-link+jwt' })}.${coded({ aud: 'production', exp: 9e9, jti: 'j' })}.x`,
    ],
    ['not whole', () => `${coded({ alg: 'none', kid: 'k2', typ: 'spillway-link+jwt' })}.${coded({})}.`],
    ['not signed as tokens are here', () => theirs({ alg: 'HS512' }, {}, NEW + NEW)],
    ['not signed as tokens are here', () => theirs({ crit: ['b64'], b64: true })],
    ['for something else', () => theirs({ typ: 'spillway-session+jwt' })],
    ['for something else', () => theirs({ typ: undefined })],
    ['for something else', () => theirs({ typ: 'SPILLWAY-LINK+JWT' })],
    ['key is not known', () => theirs({ kid: 'k3' })],
    ['key is not known', () => theirs({ kid: '__proto__' })],
    ['key is not known', () => theirs({ kid: 'toString' })],
    ['key is not known', () => theirs({ kid: undefined })],
    ['signature does not fit', () => theirs({ kid: 'k1' })],
    ['signature does not fit', () => theirs({}, {}, OLD)],
    ['another environment', () => theirs({}, { aud: 'staging' })],
    ['another environment', () => theirs({}, { aud: ['production', 'staging'] })],
    ['another environment', () => theirs({}, { aud: undefined })],
    ['no expiry or no id', () => theirs({}, { exp: undefined })],
    ['no expiry or no id', () => theirs({}, { jti: undefined })],
    ['no expiry or no id', () => theirs({}, { jti: '' })],
    ['expired', () => theirs({}, { exp: NOW / 1000 })],
    ['expired', () => theirs({}, { exp: -1 })],
  ])('is refused: %s', async (why, make) => {
    const made = await make();
    expect(await refusal(() => ours.read('link', made))).toContain(why);
  });
});

describe('a token that was altered', () => {
  const [head = '', body = '', signature = ''] = token.split('.');

  test.each([
    '',
    '.',
    '..',
    '...',
    'null.null.null',
    `${coded(null)}.${body}.${signature}`,
    `${coded([])}.${body}.${signature}`,
    `${head}.${body}`,
    `${head}.${body}.${signature}.`,
    `${head}.${body}.${signature}.${signature}`,
    `${head}..${signature}`,
    ` ${token}`,
    'x'.repeat(100_000),
  ])('is refused: %.20s', async (text) => {
    expect(await refusal(() => ours.read('link', text))).not.toBe('accepted');
  });

  test('in any character is refused, also in one whose bytes are the same', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=';
    for (let at = 0; at < token.length; at++) {
      const others = at === token.length - 1 ? [...alphabet] : ['A', 'B'];
      for (const other of others.filter((each) => each !== token[at])) {
        const altered = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
        expect(await refusal(() => ours.read('link', altered)), altered).not.toBe('accepted');
      }
    }
    for (const longer of [`${token}=`, `${token}A`, `${token} `, token.replaceAll('.', '.=')])
      expect(await refusal(() => ours.read('link', longer)), longer).not.toBe('accepted');
  });

  test('or cut anywhere is refused', async () => {
    for (let length = 0; length < token.length; length++)
      expect(await refusal(() => ours.read('link', token.slice(0, length)))).not.toBe('accepted');
  });

  test('or moved to another type or environment is refused', async () => {
    for (const type of ['login', 'command', 'session'] as const)
      expect(await refusal(() => ours.read(type, token))).toContain('for something else');
    expect(await refusal(() => on(BOTH, 'staging').read('link', token))).toContain('another environment');
  });
});

describe('the secret', () => {
  const fault = async (secret: string, act = (made: Tokens): unknown => made.read('link', token)) => {
    try {
      await act(on(async () => secret));
    } catch (error) {
      expect(error).not.toHaveProperty('code');
      return String(error);
    }
    return 'accepted';
  };

  test.each([
    ['', 'cannot be read'],
    ['{', 'cannot be read'],
    ['[]', 'cannot be read'],
    [JSON.stringify({ current: 'k1', keys: null }), 'cannot be read'],
    [JSON.stringify({ current: 'k1', keys: { k1: OLD, k2: '22'.repeat(31) } }), 'at least 32 bytes'],
    [JSON.stringify({ current: 'k1', keys: { k1: 'zz'.repeat(32) } }), 'at least 32 bytes'],
    [JSON.stringify({ current: 'k2', keys: { k1: OLD } }), 'no key under the id'],
    [JSON.stringify({ current: 'toString', keys: { k1: OLD } }), 'no key under the id'],
  ])('that is %s is said to be wrong, without what it holds', async (secret, why) => {
    const said = await fault(secret);
    expect(said).toContain(why);
    expect(said).not.toMatch(/11111|22222|zzzz/);
    expect(await fault(secret, (made) => made.sign('link', {}, LATER))).toBe(said);
  });

  test('is looked at when it is needed, so that a bad one stops nothing else', () => {
    let reads = 0;
    on(async () => `${reads++}{`);
    expect(reads).toBe(0);
  });

  test('that was replaced is read again for a token whose key is not known, and for no other', async () => {
    const doubts: boolean[] = [];
    const old = JSON.stringify({ current: 'k1', keys: { k1: OLD } });
    const now = JSON.stringify({ current: 'k2', keys: { k2: NEW } });
    const made = on(async (isDoubted = false) => {
      doubts.push(isDoubted);
      return isDoubted ? now : old;
    });
    expect(await made.read('link', token)).toMatchObject({ rolloutId: 'r' });
    expect(doubts).toEqual([false, true]);
    const before = await on(async () => old).sign('link', {}, LATER);
    expect(await refusal(() => made.read('link', before.slice(0, -1)))).toContain('signature');
    expect(await refusal(() => made.read('link', 'x'))).toContain('not whole');
    expect(doubts).toEqual([false, true, false]);
  });
});
