import { describe, expect, test } from 'vitest';
import { isPassing, nameOf, patient, patiently, reach } from '../../adapters/_aws.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { FINAL, PASSING } from './stub.ts';

const failing = (error: unknown) => reach('the alarms', () => Promise.reject(error));

describe('a call to AWS', () => {
  test('answers what came', async () => {
    expect(await reach('the alarms', async () => 7)).toBe(7);
  });

  test.each(PASSING)('that met %s is Unavailable, with its subject and its cause', async (_what, error) => {
    expect(isPassing(error)).toBe(true);
    const thrown = await failing(error).catch((caught: unknown) => caught);
    expect(thrown).toMatchObject({ code: 'Unavailable', name: 'Unavailable', cause: error });
    expect((thrown as Error).message).toContain('the alarms');
    expect((thrown as Error).message).toContain(error.name);
  });

  test.each(FINAL)('that met %s fails with that same error', async (_what, error) => {
    expect(isPassing(error)).toBe(false);
    await expect(failing(error)).rejects.toBe(error);
  });

  test('hands on what Spillway itself refused', async () => {
    const refused = new RolloutError('ManifestInvalid', 'too large');
    await expect(failing(refused)).rejects.toBe(refused);
  });

  test.each([
    ['a TypeError', new TypeError('x is not a function')],
    ['a RangeError', new RangeError('Invalid array length')],
    ['a refusal of its own', new RolloutError('TargetInvalid', 'no such alias')],
  ])('does not take %s of this program for something that passes', async (_what, error) => {
    expect(isPassing(error)).toBe(false);
    await expect(failing(error)).rejects.toBe(error);
  });

  test('has no name for what is no error', () => {
    expect(nameOf('text')).toBe('');
    expect(nameOf(undefined)).toBe('');
  });
});

/** A call that fails so often before it answers, and a clock that keeps the pauses in between. */
function faltering(error: Error, failures: number) {
  const pauses: number[] = [];
  const clock: Clock = {
    now: () => pauses.reduce((sum, ms) => sum + ms, 0),
    sleep: async (ms) => void pauses.push(ms),
  };
  let calls = 0;
  const call = async (): Promise<number> => {
    calls++;
    if (calls <= failures) throw error;
    return 7;
  };
  return { clock, pauses, call, calls: () => calls };
}

describe('a patient call', () => {
  const throttle = Object.assign(new Error('Rate exceeded'), { name: 'TooManyRequestsException' });

  test('is made again after a throttle, a little later each time', async () => {
    const { clock, pauses, call } = faltering(throttle, 4);
    expect(await patiently('a key', clock, call)).toBe(7);
    for (const [index, mean] of [100, 200, 400, 800].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(mean / 2);
      expect(pauses[index]).toBeLessThanOrEqual(mean * 1.5);
    }
    expect(pauses).toHaveLength(4);
  });

  test('pauses differently for each key and at each moment, and always the same for both, so that a storm spreads out', async () => {
    const ends = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { clock, pauses, call } = faltering(throttle, 5);
        await patiently(`function:api-${index}`, clock, call);
        return pauses.reduce((sum, ms) => sum + ms, 0);
      }),
    );
    const early = ends.filter((ms) => ms < 2_300).length;
    expect(early).toBeGreaterThan(60);
    expect(early).toBeLessThan(140);
    const perTenth = Map.groupBy(ends, (ms) => Math.floor(ms / 100));
    expect(Math.max(...[...perTenth.values()].map(({ length }) => length))).toBeLessThan(40);
    const again = faltering(throttle, 5);
    await patiently('function:api-7', again.clock, again.call);
    expect(again.pauses.reduce((sum, ms) => sum + ms, 0)).toBe(ends[7]);
  });

  test('knows a throttle that was turned into Unavailable', async () => {
    const unavailable = await failing(throttle).catch((caught: Error) => caught);
    const { clock, call, calls } = faltering(unavailable, 2);
    expect(await patiently('a key', clock, call)).toBe(7);
    expect(calls()).toBe(3);
  });

  test('gives up after six pauses, or where they would be longer than 3.5 s together, with the throttle itself', async () => {
    const { clock, pauses, call, calls } = faltering(throttle, Number.POSITIVE_INFINITY);
    await expect(patiently('a key', clock, call)).rejects.toBe(throttle);
    expect(calls()).toBe(pauses.length + 1);
    expect(pauses.length).toBeGreaterThan(3);
    expect(pauses.length).toBeLessThanOrEqual(6);
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(3_500);
  });

  test.each([...FINAL, ...PASSING.filter(([, { name }]) => !/Throttl|TooMany/.test(name))])(
    'is made once where it met %s',
    async (_what, error) => {
      const { clock, pauses, call, calls } = faltering(error, 1);
      await expect(patiently('a key', clock, call)).rejects.toBe(error);
      expect([calls(), pauses]).toEqual([1, []]);
    },
  );

  test('is what each call of a patient client is, and the client keeps all else', async () => {
    const { clock, pauses, call } = faltering(throttle, 1);
    const asked: unknown[] = [];
    const client = {
      config: { region: 'eu-west-1' },
      send: (command: never) => {
        asked.push(command);
        return call();
      },
    };
    const made = patient('a key', client, clock);
    expect(await made.send('a read' as never)).toBe(7);
    expect(asked).toEqual(['a read', 'a read']);
    expect(pauses).toHaveLength(1);
    expect(made.config).toBe(client.config);
  });
});
