import { expect, test } from 'vitest';
import { FUNCTION } from '../../local/scenario.ts';
import type { Model } from '../../local/services/lambda.ts';
import { faults, type Plot, play } from './stage.ts';

/** Answers well, but for so many of its calls: every third, from the second on, where `badOf` is 3. */
const failing = (badOf: number): Model => {
  let calls = 0;
  return () => ({ statusCode: ++calls % badOf === 2 ? 500 : 200, body: 'answered' });
};
/** A model of its own each time: the same code would be no new version. */
const good = (): Model => () => ({ statusCode: 200, body: 'fine' });

/** A service with one request a minute, and a release of it that runs code. */
const quiet = (canary: Model, probe?: object, more: Partial<Plot> = {}): Plot => ({
  requestsPerSecond: 1 / 60,
  code: good(),
  hours: 30,
  before: (stage) => void stage.lambda.helpers.publish(FUNCTION, canary),
  release: { manifest: { targets: { api: { version: '2' } } } },
  rollout: {
    steps: [{ weight: 10, bake: '5m', maxBake: '30m' }],
    verify: '12m',
    smoke: [{ get: '/health', expect: { status: 200 } }],
    ...(probe === undefined ? {} : { probe }),
  },
  ...more,
});

test('a bad release of a service with one request a minute is taken back by its probes', async () => {
  const { story, rollout, run } = await play(quiet(failing(3), { every: '2s' }));
  expect(rollout).toMatchObject({
    outcome: 'reverted',
    reason: expect.stringMatching(
      /^probes: canary \d+ of \d+ failed, stable 0 of \d+; last: GET \/health answered 500 instead of 200: answered$/,
    ),
  });
  expect(story).not.toContain('Promoted api');
  expect(faults(run)).toEqual([]);
});

test('a good one completes, and says that it is proven by probes', async () => {
  const { story, rollout, run } = await play(quiet(good(), { every: '2s' }));
  expect(story).toContain('Promoted api');
  expect(rollout).toMatchObject({
    outcome: 'completed',
    reason: expect.stringMatching(
      /^proven by probes: probes: canary 0 of \d+ failed, stable 0 of \d+; errors: canary/,
    ),
  });
  expect(faults(run)).toEqual([]);
});

test('without probes nobody can say: it is paused, and taken back when nobody answers', async () => {
  for (const model of [good(), failing(3)]) {
    const { story, rollout, run } = await play(quiet(model));
    expect(story).toContain('Paused by spillway, inconclusive');
    expect(story).not.toContain('Promoted api');
    expect(rollout?.outcome).toBe('reverted');
    expect(faults(run)).toEqual([]);
  }
});
