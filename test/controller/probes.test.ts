import { expect, test } from 'vitest';
import { putProbes } from '../../controller/probes.ts';
import type { HookReply, HookRunner } from '../../core/ports.ts';
import type { Opening } from '../../core/rollout/event.ts';
import { virtualClock } from '../../local/clock.ts';
import { minute, onFirstStep, opened, smokeHooks, stateAfter, TWO_TARGETS } from '../core/rollout/given.ts';

const PROBED: Partial<Opening> = {
  hooks: smokeHooks('/health', '/cart'),
  probe: { everySeconds: 10, smoke: ['smoke.1', 'smoke.2'] },
};

const PASS: HookReply = { status: 'pass', reason: 'it answered 200' };

/** Puts what is due half a minute after the raise, or so many minutes; `answers` says what a version answers, and when. */
async function put(
  answers: (version: string, nth: number) => HookReply | 'never',
  { takesMs = 50, minutes = 1, history = onFirstStep(PROBED) } = {},
) {
  const clock = virtualClock(minute(minutes));
  const asked: { version: string; id: string; at: number }[] = [];
  const signals: AbortSignal[] = [];
  let [under, most] = [0, 0];
  const ask: HookRunner['ask'] = async ({ target, hook }, signal) => {
    if (signal !== undefined) signals.push(signal);
    const nth = asked.push({ version: target.canary, id: hook.id, at: clock.now() });
    most = Math.max(most, ++under);
    const answer = answers(target.canary, nth);
    if (answer === 'never') return new Promise<never>(() => {});
    await clock.sleep(takesMs);
    under -= 1;
    return answer;
  };
  const began = clock.now();
  const counts = await clock.run(putProbes(stateAfter(history), began, { clock, hooks: () => ({ ask }) }));
  return { counts, asked, signals, most: () => most, tookMs: clock.now() - began };
}

test('each pair meets both versions at the same moment, one pair after the other', async () => {
  const { counts, asked, most } = await put(() => PASS);
  expect(counts).toEqual({
    api: { ticks: 1, pairs: 3, canary: 0, stable: 0, both: 0, skipped: 0 },
  });
  expect(asked.map(({ version, id }) => `${id} ${version}`)).toEqual([
    ...['smoke.1 8', 'smoke.1 7', 'smoke.2 8', 'smoke.2 7', 'smoke.1 8', 'smoke.1 7'],
  ]);
  for (let pair = 0; pair < asked.length; pair += 2) expect(asked[pair]?.at).toBe(asked[pair + 1]?.at);
  expect(most()).toBe(2);
});

test('who failed is counted by pairs, with what the canary said last', async () => {
  const bad: HookReply = { status: 'fail', reason: 'GET /cart answered 500' };
  const { counts } = await put((version, nth) => (version === '8' || nth > 4 ? bad : PASS));
  expect(counts?.api).toEqual({
    ...{ ticks: 1, pairs: 3, canary: 3, stable: 1, both: 1, skipped: 0, failure: 'GET /cart answered 500' },
  });
});

test('a pair that could not be put is none, whichever of the two it was', async () => {
  const broken: HookReply = { status: 'broken', reason: 'Rate Exceeded' };
  for (const who of ['7', '8']) {
    const { counts } = await put((version) => (version === who ? broken : PASS));
    expect(counts?.api).toMatchObject({ pairs: 0, canary: 0, skipped: 3, skippedWhy: 'Rate Exceeded' });
  }
});

test('a version that hangs has failed, and a tick ends in time all the same', async () => {
  const { counts, signals, tookMs } = await put((version) => (version === '8' ? 'never' : PASS));
  expect(counts?.api).toMatchObject({ pairs: 1, canary: 1, stable: 0 });
  expect(counts?.api?.failure).toBe('it did not answer within 3 s');
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(tookMs).toBeLessThanOrEqual(6_000);
});

test('slow answers are fewer answers: none is begun after three seconds', async () => {
  const { counts, tookMs } = await put(() => PASS, { takesMs: 700, minutes: 10 });
  expect(counts?.api?.pairs).toBe(5);
  expect(tookMs).toBeLessThanOrEqual(6_000);
});

test('targets are asked side by side, and only those that have a probe', async () => {
  const history = onFirstStep({ ...PROBED, targets: TWO_TARGETS });
  expect(Object.keys((await put(() => PASS, { history })).counts ?? {})).toEqual(['api']);
});

test('nothing is put where nothing is due', async () => {
  const { counts, asked } = await put(() => PASS, { history: [opened(PROBED)] });
  expect([counts, asked]).toEqual([undefined, []]);
});
