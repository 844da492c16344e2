import { expect, test } from 'vitest';
import { LINK_ACTIONS, type LinkClaims, linkActor, linkFrom, linkOrder } from '../../../core/people/link.ts';

const ID = 'checkout--r1--1';
const claims = (more: object = {}) => ({ rolloutId: ID, action: 'abort', jti: 'j', exp: 100, ...more });

test('a link gives an order that is carried out once, in nobody’s name but its own', () => {
  const link = linkFrom(claims(), ID);
  expect(linkOrder(link, 'odd')).toEqual({
    command: 'abort',
    rolloutId: ID,
    by: { id: 'link:j', via: 'link', isVerified: true },
    reason: 'odd',
    once: { id: 'link:j', fingerprint: `abort ${ID}`, expiresAt: 100_000 },
  });
  expect(linkOrder(linkFrom(claims({ action: 'pause' }), ID), 'odd')).toMatchObject({ command: 'pause' });
  expect(linkActor(link).id).toBe('link:j');
});

test.each(LINK_ACTIONS)('a link may %s', (action) => {
  const said: LinkClaims = linkFrom(claims({ action }), ID);
  expect(said).toEqual({ rolloutId: ID, action, jti: 'j', exp: 100 });
});

test('a link that only reads gives no order', () => {
  expect(() => linkOrder(linkFrom(claims({ action: 'view' }), ID), 'odd')).toThrow('only shows');
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
