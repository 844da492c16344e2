import { describe, expect, test } from 'vitest';
import { soon, within } from '../../core/within.ts';
import { virtualClock } from '../../local/clock.ts';

/** Work that takes so long step by step, and how often it came so far. */
function stepping(clock: ReturnType<typeof virtualClock>, steps: number, stepMs = 1_000) {
  const taken: number[] = [];
  const work = async (signal: AbortSignal) => {
    for (let step = 1; step <= steps; step++) {
      await clock.sleep(stepMs, signal);
      taken.push(step);
    }
    return 'done';
  };
  return { taken, work };
}

describe('work within a limit', () => {
  test('answers, and its wait is forgotten', async () => {
    const clock = virtualClock();
    const { work } = stepping(clock, 2);
    expect(await clock.run(within(5_000, work, () => 'late', { clock }))).toBe('done');
    // A world in which something still waits would go on to its end.
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
  });

  test('is late at the limit, and stops at its next step', async () => {
    const clock = virtualClock();
    const { taken, work } = stepping(clock, 9);
    const before = clock.now();
    expect(await clock.run(within(2_500, work, () => 'late', { clock }))).toBe('late');
    expect(clock.now() - before).toBe(2_500);
    await clock.advance(60_000);
    expect(taken).toEqual([1, 2]);
  });

  test('is late where it answers at the very limit', async () => {
    const clock = virtualClock();
    const { work } = stepping(clock, 2);
    expect(await clock.run(within(2_000, work, () => 'late', { clock }))).toBe('late');
  });

  test.each([0, 1_500])(
    'that is called off from outside after %s ms stops, and nothing waits',
    async (after) => {
      const clock = virtualClock();
      const { taken, work } = stepping(clock, 9);
      const outer = new AbortController();
      const answered: unknown[] = [];
      const asked = () => within(60_000, work, () => 'late', { clock, signal: outer.signal });
      if (after === 0) outer.abort();
      void asked().then((answer) => answered.push(answer));
      await clock.advance(after);
      outer.abort();
      await clock.advance(120_000);
      expect(taken).toEqual(after === 0 ? [] : [1]);
      expect(answered).toEqual([]);
      await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
    },
  );

  test('fails as the work does, or as what is said of the late one', async () => {
    const clock = virtualClock();
    const broken = () => Promise.reject(new Error('broken'));
    const late = () => {
      throw new Error('too late');
    };
    await expect(clock.run(within(1_000, broken, late, { clock }))).rejects.toThrow('broken');
    const { work } = stepping(clock, 2);
    await expect(clock.run(within(1_000, work, late, { clock }))).rejects.toThrow('too late');
  });

  test('that fails or hangs is nothing if it must not be waited for', async () => {
    const clock = virtualClock();
    const { work } = stepping(clock, 2);
    expect(await clock.run(soon(5_000, work, { clock }))).toBe('done');
    expect(await clock.run(soon(1_000, () => new Promise(() => {}), { clock }))).toBeUndefined();
    expect(
      await clock.run(soon(1_000, () => Promise.reject(new Error('broken')), { clock })),
    ).toBeUndefined();
  });
});
