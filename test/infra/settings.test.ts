import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { alarmsOf } from '../../infra/alarms.ts';
import { substituted } from '../../infra/asl.ts';
import { accountNeededFor, FUNCTIONS, reservedFor } from '../../infra/facts.ts';
import { assertFits } from '../../infra/place.ts';
import { assertSecret, type SecretName, secretsOf } from '../../infra/secrets.ts';
import { assertStage, settingsOf } from '../../infra/settings.ts';

const PLACE = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '111122223333',
  environment: 'ada',
  completionsBucket: '',
  topics: [],
  siteBuckets: [],
};

/** An account with room for every reservation. */
const ROOM = { accountConcurrency: 1000 };
const SLACK = { slack: { teams: ['T024BE7LD'], appId: 'A024BE7LD' }, roles: {} };
const OIDC = { oidc: { issuer: 'https://id.example', clientId: 'spillway' }, roles: {} };

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

test('a topic of another region is refused with the fix', () => {
  const topics = (region: string) => [`arn:aws:sns:${region}:111122223333:on-call`];
  expect(() => assertFits({ ...PLACE, topics: topics('eu-west-1') })).not.toThrow();
  expect(() => assertFits({ ...PLACE, topics: topics('us-east-1') })).toThrow(
    'names arn:aws:sns:us-east-1:111122223333:on-call, and the controller is in eu-west-1; name a topic there.',
  );
});

describe('the settings of a stage', () => {
  test('have defaults', () => {
    expect(settingsOf('ada', {})).toEqual({
      hookHosts: [],
      accountConcurrency: 10,
      alarmEmail: '',
      completionsBucket: '',
      siteBuckets: [],
      logDays: 30,
      access: { groups: {}, people: {}, believedSessions: [], notify: {} },
      publicApi: false,
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
    [{ siteBuckets: 'shop' }, 'must be a list of names of buckets'],
    [{ siteBuckets: ['A_b'] }, 'must be a list of names of buckets'],
    [{ logDays: 31 }, 'must be one of'],
    [{ access: { group: {} } }, 'production.access is refused:\ngroup is not a known key'],
    [{ access: {}, publicApi: 'https://a.example/rollouts' }, 'production.publicApi must be true, false, or'],
    [{ access: {}, publicApi: 'http://a.example' }, 'production.publicApi must be true, false, or'],
    [{ publicApi: true }, 'production.publicApi lets anybody call a function'],
    [
      { publicApi: true, accountConcurrency: accountNeededFor() - 1 },
      'production.publicApi lets anybody call',
    ],
    [{ access: SLACK }, 'production.access.slack lets Slack call the API; set publicApi to true'],
    [
      { ...ROOM, access: OIDC, publicApi: true },
      'then set publicApi to the address that the deployment prints',
    ],
    [
      {
        access: { notify: { '*': [{ webhook: 'https://hooks.example:8443/x' }] } },
        hookHosts: ['hooks.example'],
      },
      'production.access.notify reports to hooks.example:8443, which must be one of hookHosts as well',
    ],
  ])('%j are refused with the field and the fix', (production, says) => {
    expect(() => settingsOf('production', { production })).toThrow(says);
  });

  test('under a name that no stage can have are refused with the fix', () => {
    expect(() => settingsOf('production', { Production: {} })).toThrow(/"Production" .* use small letters/);
    expect(() => settingsOf('production', { prod: { logDays: 90 } })).toThrow(
      'deploy with --stage production',
    );
  });

  test.each(['access', 'sign-in'])('that the page about %s shows are taken', (name) => {
    const page = readFileSync(new URL(`../../docs/guides/${name}.md`, import.meta.url), 'utf8');
    const shown = [...page.matchAll(/```json\n([^`]*)```/g)].map(([, json = '']) => JSON.parse(json));
    expect(shown.length).toBeGreaterThan(0);
    for (const stages of shown) for (const stage of Object.keys(stages)) settingsOf(stage, stages);
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

  test('is kept for the revert path, for openings, that no storm of releases takes all calls, and for the API, that no flood of requests does', () => {
    expect(reserved(1000).sort()).toEqual([
      ...['Abort', 'AlarmEvent', 'ApiIam', 'ApiPublic', 'Beacon', 'Command', 'Decide', 'Hold'],
      ...['OpenRollout', 'RevertTraffic', 'SlackAction', 'Watchdog'],
    ]);
  });

  test('is left out where the account would have fewer than 100 left, as in a new one', () => {
    expect(reserved(10)).toEqual([]);
    expect(reserved(164)).toEqual([]);
    expect(reserved(165)).toHaveLength(12);
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

describe('a secret', () => {
  const needed = (settings: object) => secretsOf(settingsOf('ada', { ada: settings }));
  const notify = (...routes: object[]) => ({ access: { notify: { '*': routes } } });

  test.each<[string, object, SecretName[]]>([
    ['nothing', {}, ['PeopleKeys']],
    ['hosts of hooks', { hookHosts: ['hooks.example'] }, ['HookSecret', 'PeopleKeys']],
    ['OIDC', { ...ROOM, access: OIDC, publicApi: 'https://a.example' }, ['PeopleKeys', 'OidcClientSecret']],
    ['Slack', { ...ROOM, access: SLACK, publicApi: true }, ['PeopleKeys', 'SlackSigningSecret']],
    ['a channel', notify({ slack: '#deploys' }), ['PeopleKeys', 'SlackToken']],
    [
      'a webhook',
      { ...notify({ webhook: 'https://a.example' }), hookHosts: ['a.example'] },
      ['HookSecret', 'PeopleKeys', 'WebhookKey'],
    ],
    ['a topic', notify({ sns: 'arn:aws:sns:eu-west-1:111122223333:a' }), ['PeopleKeys']],
  ])('is asked for where %s makes it necessary', (_, settings, variables) => {
    expect(needed(settings)).toEqual(variables);
  });

  const HEX = 'ab'.repeat(32);
  test.each<[SecretName, string, string]>([
    ['HookSecret', 'short', 'x'.repeat(32)],
    ['PeopleKeys', HEX, `{"current":"k1","keys":{"k1":"${HEX}"}}`],
    [
      'PeopleKeys',
      `{"current":"k2","keys":{"k1":"${HEX}"}}`,
      `{"current":"k2","keys":{"k1":"${HEX}","k2":"${HEX}"}}`,
    ],
    ['PeopleKeys', '{"current":"k1","keys":{"k1":"abcd"}}', `{"current":"k1","keys":{"k1":"${HEX}"}}`],
    ['PeopleKeys', '{"current":"__proto__","keys":{}}', `{"current":"k1","keys":{"k1":"${HEX}"}}`],
    ['OidcClientSecret', ' copied ', 'copied'],
    ['SlackSigningSecret', 'xoxb-1', 'ab'.repeat(16)],
    ['SlackToken', 'xoxp-1', 'xoxb-1'],
    ['WebhookKey', HEX, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ])('in %s that is no good is refused with the fix, and not repeated', (name, bad, good) => {
    expect(() => assertSecret(name, bad)).toThrow(
      new RegExp(
        `^(?!.*${bad.replace(/[^\w]/g, '.')})The secret ${name} has ${bad.length} characters, and .*: sst secret set ${name} `,
      ),
    );
    expect(assertSecret(name, good)).toBe(good);
  });
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
