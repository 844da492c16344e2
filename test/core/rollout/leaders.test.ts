import { describe, expect, test } from 'vitest';
import type { ResolvedTarget } from '../../../core/ports.ts';
import { arranged, inOrder, mayMoveFrom } from '../../../core/rollout/leaders.ts';
import { next } from '../../../core/rollout/next.ts';
import type { Target } from '../../../core/target.ts';
import { thrownBy } from '../config/files.ts';
import { resolved } from './found.ts';
import { minute, opened, promotionOrdered, raised, stateAfter, target } from './given.ts';

const plain = target('api');
const web = target('web', {
  kind: 'cloudfront',
  ...{ stable: 'r7', canary: 'r8' },
  traits: { ...plain.traits, leads: true, spreadSeconds: 10, noun: 'site web' },
});
const api = target('api', { traits: { ...plain.traits, follows: 'web' } });
const both = (leader: Partial<Target> = {}, follower: Partial<Target> = {}): ResolvedTarget[] => [
  resolved({ target: { ...api, ...follower }, alone: plain }),
  resolved({ target: { ...web, ...leader } }),
];
const names = (targets: readonly ResolvedTarget[]) => targets.map((each) => each.target.name);

describe('a target that follows another', () => {
  test('comes after all that lead, whatever the order of the file', () => {
    const { targets, notices } = arranged([...both(), resolved({ target: target('worker') })]);
    expect(names(targets)).toEqual(['web', 'worker', 'api']);
    expect(notices).toEqual([]);
  });

  test('moves by itself if its leader stays as it is', () => {
    const { targets, notices } = arranged(both({ canary: 'r7' }));
    expect(targets[0]?.target).toBe(plain);
    expect(notices).toEqual([
      'api: web stays on r7 in this release, so alias live of checkout-prod-api moves by its own weights',
    ]);
    expect(arranged(both({ canary: 'r7' }, { canary: '7' })).notices).toEqual([]);
  });

  test.each<[string, ResolvedTarget[], string]>([
    [
      'is not there',
      both().slice(0, 1),
      'targets.api: it follows web, which is no target of this file; name one that is.',
    ],
    [
      'leads nobody',
      both({ traits: { ...web.traits, leads: undefined } }),
      'targets.api: it follows web, but site web leads nobody to other targets; let its owner say which paths',
    ],
  ])('is refused if the other %s', (_, targets, says) => {
    expect(thrownBy(() => arranged(targets)).message).toContain(says);
  });
});

describe('what follows', () => {
  const opening = { targets: [web, api] };
  const halfway = [opened(opening), ...raised(50, 1, 1, 'web'), ...raised(50, 2, 1, 'api')];

  test('is raised last and lowered first', () => {
    const state = stateAfter(halfway);
    const of = (weight: number, rollout = state) => inOrder(rollout, weight).map(({ name }) => name);
    expect(of(100)).toEqual(['web', 'api']);
    expect(of(25)).toEqual(['api', 'web']);
    const alike = stateAfter([opened({ targets: [web, plain] }), ...raised(50, 1, 1, 'web')]);
    expect(of(25, alike)).toEqual(['web', 'api']);
  });

  test('serves alone once all whom its leader leads have left the version before', () => {
    const state = stateAfter([...halfway, promotionOrdered(4, { full: true }), ...raised(100, 3, 5, 'web')]);
    expect(mayMoveFrom(state, api, 100)).toBe(minute(5) + 10_000);
    expect(mayMoveFrom(state, api, 50)).toBeLessThan(0);
    expect(mayMoveFrom(state, web, 100)).toBeLessThan(0);
    expect(mayMoveFrom(state, plain, 100)).toBeLessThan(0);
  });

  test('is waited for by a hold', () => {
    const state = stateAfter([...halfway, promotionOrdered(4, { full: true }), ...raised(100, 3, 4, 'web')]);
    expect(next(state, minute(4) + 3_000)).toEqual({ kind: 'hold', seconds: 7 });
    expect(next(state, minute(4) + 10_000)).toEqual({ kind: 'promote', target: 'api' });
  });
});
