import { describe, expect, test } from 'vitest';
import { READS, variablesOf } from '../../infra/environment.ts';
import { FUNCTIONS } from '../../infra/facts.ts';
import { SECRETS_READ } from '../../infra/secrets.ts';
import { settingsOf } from '../../infra/settings.ts';
import { codeOf, secretsIn, variablesIn } from './bundle.ts';
import { PLACE } from './calls.ts';

test.each(FUNCTIONS)(
  '%s is given the variables and secrets that its code reads, and no others',
  async (name) => {
    const code = await codeOf(name);
    expect([...READS[name]].sort()).toEqual(variablesIn(code));
    expect([...(SECRETS_READ[name] ?? [])].sort()).toEqual(secretsIn(code));
  },
);

describe('the variables of a function', () => {
  const all = settingsOf('production', { production: { hookHosts: ['a.example', 'b.example:8443'] } });

  test('have no value that is empty', () => {
    for (const name of FUNCTIONS)
      for (const [key, value] of Object.entries(variablesOf(name, PLACE, all)))
        expect(value, `${name} ${key}`).toMatch(/\S/);
  });

  test('name the hosts of hooks where there are some, and only for those who ask hooks', () => {
    expect(variablesOf('RunHook', PLACE, all).HOOK_HOSTS).toBe('a.example,b.example:8443');
    expect(variablesOf('RunHook', PLACE, settingsOf('ada', {}))).not.toHaveProperty('HOOK_HOSTS');
    expect(variablesOf('ShiftTraffic', PLACE, all)).toEqual({
      ENVIRONMENT: 'production',
      JOURNAL_TABLE: 'spillway-production-journal',
    });
  });
});
