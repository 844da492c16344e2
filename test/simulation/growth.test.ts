import { expect, test } from 'vitest';
import type { Hook } from '../../core/rollout/event.ts';
import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';

test('hooks that have much to say at each of twenty steps fill no journal: the rollout ends and its lock is free', async () => {
  const steps = Array.from({ length: 20 }, (_, nth) => ({ weight: nth + 1, bake: '1m' }));
  const hooks = Array.from(
    { length: 10 },
    (_, nth): Hook => ({
      ...{ id: `afterStep.${nth + 1}`, point: 'afterStep', kind: 'fake', target: 'api' },
      ...{ spec: { functionName: 'f' }, timeoutSeconds: 30, onBroken: 'revert' },
    }),
  );
  const clock = virtualClock();
  const scenario = createScenario({
    ...{ clock, seed: 5, journal: 'dynamodb', requestsPerSecond: 300, warmMinutes: 15, hooks },
    rollout: { steps, onInconclusive: 'promote', verify: '1m' },
    changePorts: (ports) => ({
      ...ports,
      hooks: () => ({ ask: async () => ({ status: 'inconclusive', reason: 'é"\u0000'.repeat(700) }) }),
    }),
  });
  const ended = await clock.run(scenario.run());
  expect(ended.outcome).toBe('completed');
  expect(ended.reason).toMatch(/^unproven: /);
  expect(Buffer.byteLength(JSON.stringify(ended))).toBeLessThan(100_000);
  expect((await clock.run(scenario.ports.journal.service('checkout-api'))).completed).toMatchObject({
    rolloutId: ended.opening.rolloutId,
  });
}, 60_000);

test('a hundred uploads of one service that are refused delay no raise of another', async () => {
  const clock = virtualClock();
  const scenario = createScenario({ clock, seed: 5, requestsPerSecond: 100, warmMinutes: 15 });
  const events = await clock.run(
    (async () => {
      const targets = Object.fromEntries(
        Array.from({ length: 20 }, (_, nth) => [`t${nth}`, { lambda: `missing-${nth}`, alias: 'live' }]),
      );
      const versions = Object.fromEntries(Object.keys(targets).map((name) => [name, { version: '1' }]));
      for (let nth = 0; nth < 100; nth++)
        await scenario.upload(`releases/noisy/r${nth}/manifest.json`, {
          ...{ schema: 1, service: 'noisy', environment: 'production', release: `r${nth}`, order: nth },
          ...{ targets: versions, rollout: { service: 'noisy', targets, strategy: 'all-at-once' } },
        });
      const { opening } = await scenario.run();
      return scenario.journal.events(opening.rolloutId);
    })(),
  );
  expect(events.filter(({ type }) => type === 'Shifted').length).toBeGreaterThan(0);
  const waits = events.flatMap((event) => (event.type === 'Deferred' ? [event.until - event.at] : []));
  expect(Math.max(0, ...waits)).toBeLessThan(10_000);
}, 60_000);
