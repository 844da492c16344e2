import { describe, expect, test } from 'vitest';
import { isPassing, nameOf, reach } from '../../adapters/_aws.ts';
import { RolloutError } from '../../core/errors.ts';
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

  test('has no name for what is no error', () => {
    expect(nameOf('text')).toBe('');
    expect(nameOf(undefined)).toBe('');
  });
});
