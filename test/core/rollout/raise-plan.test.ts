import { describe, expect, test } from 'vitest';
import type { Observed, Raise } from '../../../core/ports.ts';
import { raisePlan } from '../../../core/rollout/raise-plan.ts';
import { minute, token } from './given.ts';

const versions = { stable: '7', canary: '8' };
const raise = (more: Partial<Raise> = {}): Raise => ({
  ...{ expect: token(1), write: token(2), from: 10, weight: 50, expiresAt: minute(5) },
  ...more,
});
const at = (primary: string, weights: Observed['weights'], more: Partial<Observed> = {}): Observed => ({
  ...{ primary, weights, token: token(1) },
  ...more,
});
const planned = (seen: Observed, more: Partial<Raise> = {}, now = 5) =>
  raisePlan(seen, versions, raise(more), minute(now));

describe('a raise', () => {
  test.each<[string, Observed, Partial<Raise>, object]>([
    ['from a share to another', at('7', { 8: 10 }), {}, { primary: '7', weights: { 8: 50 } }],
    ['from nothing', at('7', {}), { from: 0 }, { primary: '7', weights: { 8: 50 } }],
    ['to all', at('7', { 8: 10 }), { weight: 100 }, { primary: '8', weights: {} }],
    ['back to a share', at('8', {}), { from: 100, weight: 25 }, { primary: '7', weights: { 8: 25 } }],
  ])('%s is written until the moment it expires', (_, seen, more, routing) => {
    expect(planned(seen, more)).toEqual({ write: { ...routing, token: token(2) } });
    expect(planned(seen, more, 5.001)).toEqual({ fenced: 'the raise came too late' });
  });

  const moved = 'somebody else moved its traffic';
  test.each<[string, Observed, Partial<Raise>, string]>([
    ['without a token', at('7', { 8: 10 }, { token: undefined }), {}, 'its token is gone'],
    [
      'with a later token',
      at('7', { 8: 10 }, { token: token(2) }),
      {},
      'its token is spillway checkout-api--r8--1 1 2 open',
    ],
    ['with another share', at('7', { 8: 11 }), {}, moved],
    ['with no share', at('7', {}), {}, moved],
    ['with another version beside', at('7', { 8: 10, 9: 1 }), {}, moved],
    ['that another version serves', at('9', { 8: 10 }), {}, moved],
    ['that stable serves, though the canary was to', at('7', {}), { from: 100 }, moved],
    ['that the canary serves, though stable was to', at('8', {}), { from: 0 }, moved],
  ])('of a target %s is not written', (_, seen, more, fenced) => {
    expect(planned(seen, more)).toEqual({ fenced });
  });
});
