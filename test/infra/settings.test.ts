import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { alarmsOf } from '../../infra/alarms.ts';
import { substituted } from '../../infra/asl.ts';
import { FUNCTIONS, reservedFor } from '../../infra/facts.ts';
import { assertFits } from '../../infra/place.ts';
import { assertSecret, assertStage, settingsOf } from '../../infra/settings.ts';

const PLACE = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '111122223333',
  environment: 'ada',
  completionsBucket: '',
};

describe('the name of a stage', () => {
  test.each(['production', 'staging', 'ada', 'pr-12'])('%s is taken', (stage) => {
    expect(() => assertStage(stage)).not.toThrow();
  });

  test.each([
    ['Production', 'use small letters'],
    ['1st', 'beginning with a letter'],
    ['ada_l', 'use small letters'],
    ['', 'use small letters'],
    ['prod', 'deploy with --stage production'],
    ['live', 'deploy with --stage production'],
  ])('"%s" is refused with the fix', (stage, says) => {
    expect(() => assertStage(stage)).toThrow(says);
  });

  test.each([
    ['eu-west-1', 22],
    ['ap-southeast-2', 17],
  ])(
    'that is too long for the name of its bucket in %s is refused with the room there is',
    (region, room) => {
      const named = (length: number) => ({ ...PLACE, region, environment: 'a'.repeat(length) });
      expect(() => assertFits(named(room))).not.toThrow();
      expect(() => assertFits(named(room + 1))).toThrow(
        `has ${room + 1} characters, and in ${region} there is room for ${room}: S3 takes 63 for the name of its bucket, spillway-aaa`,
      );
    },
  );
});

describe('the settings of a stage', () => {
  test('have defaults', () => {
    expect(settingsOf('ada', {})).toEqual({
      hookHosts: [],
      accountConcurrency: 10,
      alarmEmail: '',
      completionsBucket: '',
      logDays: 30,
    });
  });

  test.each([
    [{ hooks: [] }, 'production.hooks is no setting; there are hookHosts'],
    [{ hookHosts: ['https://a.example'] }, 'must be a list of hosts'],
    [{ hookHosts: 'a.example' }, 'must be a list of hosts'],
    [{ accountConcurrency: '1000' }, 'limit of concurrent executions'],
    [{ accountConcurrency: 0 }, 'limit of concurrent executions'],
    [{ alarmEmail: 'on-call' }, 'must be one address'],
    [{ completionsBucket: 'A_b' }, 'must be the name of a bucket'],
    [{ logDays: 31 }, 'must be one of'],
  ])('%j are refused with the field and the fix', (production, says) => {
    expect(() => settingsOf('production', { production })).toThrow(says);
  });

  test('under a name that no stage can have are refused with the fix', () => {
    expect(() => settingsOf('production', { Production: {} })).toThrow(/"Production" .* use small letters/);
    expect(() => settingsOf('production', { prod: { logDays: 90 } })).toThrow(
      'deploy with --stage production',
    );
  });

  test('that are in the repository are right', () => {
    const stages = JSON.parse(readFileSync(new URL('../../infra/stages.json', import.meta.url), 'utf8'));
    for (const stage of Object.keys(stages)) {
      assertStage(stage);
      settingsOf(stage, stages);
    }
    expect(Object.keys(stages)).toContain('production');
  });
});

describe('reserved concurrency', () => {
  const reserved = (accountConcurrency: number) =>
    FUNCTIONS.filter((name) => reservedFor(name, accountConcurrency) !== undefined);

  test('is kept for the revert path, and for openings, that no storm of releases takes all calls', () => {
    expect(reserved(1000).sort()).toEqual([
      ...['AlarmEvent', 'Command', 'Decide', 'Hold'],
      ...['OpenRollout', 'RevertTraffic', 'Watchdog'],
    ]);
  });

  test('is left out where the account would have fewer than 100 left, as in a new one', () => {
    expect(reserved(10)).toEqual([]);
    expect(reserved(132)).toEqual([]);
    expect(reserved(133)).toHaveLength(7);
  });
});

test('every alarm has a page of what to do, and there is no page of an alarm that is gone', () => {
  const text = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(headings.sort()).toEqual(
    alarmsOf(PLACE, 'arn')
      .map(({ name }) => name)
      .sort(),
  );
});

test('a secret that signs nothing worth checking is refused with the fix', () => {
  expect(() => assertSecret('short')).toThrow('sst secret set HookSecret');
  expect(assertSecret('x'.repeat(32))).toHaveLength(32);
});

describe('the state machine', () => {
  const text = `{"a":"\${One}","b":"\${Two}","c":"\${One}"}`;

  test('gets a value for each name', () => {
    expect(substituted(text, { One: '1', Two: '2' })).toBe('{"a":"1","b":"2","c":"1"}');
  });

  test('refuses a name that nobody gives, and a value that nobody uses', () => {
    expect(() => substituted(text, { One: '1' })).toThrow(
      /names .*Two.*, which is not provided; known are One/,
    );
    expect(() => substituted(text, { One: '1', Two: '2', Three: '3' })).toThrow('does not use Three');
  });
});
