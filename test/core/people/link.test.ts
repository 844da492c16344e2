import { expect, test } from 'vitest';
import {
  LINK_ACTIONS,
  type LinkClaims,
  linkActor,
  linkCommand,
  linkFrom,
} from '../../../core/people/link.ts';

const ID = 'checkout--r1--1';
const claims = (more: object = {}) => ({ rolloutId: ID, action: 'abort', jti: 'j', exp: 100, ...more });

test('a link gives a command that is carried out once, in nobody’s name but its own', () => {
  const link = linkFrom(claims(), ID);
  expect(linkCommand(link, 'odd')).toEqual({
    command: 'abort',
    rolloutId: ID,
    by: { id: 'link:j', via: 'link', isVerified: true },
    reason: 'odd',
    once: { id: 'link:j', fingerprint: `abort ${ID}`, expiresAt: 100_000 },
  });
  expect(linkCommand(linkFrom(claims({ action: 'pause' }), ID), 'odd')).toMatchObject({ command: 'pause' });
  expect(linkActor(link).id).toBe('link:j');
});

test.each(LINK_ACTIONS)('a link may %s', (action) => {
  const said: LinkClaims = linkFrom(claims({ action }), ID);
  expect(said).toEqual({ rolloutId: ID, action, jti: 'j', exp: 100 });
});

test('a link that only reads gives no command', () => {
  expect(() => linkCommand(linkFrom(claims({ action: 'view' }), ID), 'odd')).toThrow('only shows');
});

test.each([
  { rolloutId: 'checkout--r2--1' },
  { rolloutId: undefined },
  { action: 'promote' },
  { action: 'approve' },
  { action: undefined },
  { jti: '' },
  { exp: undefined },
])('a link with %j is none to this rollout', (more) => {
  expect(() => linkFrom(claims(more), ID)).toThrow(`no link to ${ID}`);
});
