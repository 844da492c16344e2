import { describe, expect, test } from 'vitest';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { type Played, type Plot, play } from './stage.ts';

const TOKEN = 'tok-4711-secret';
const PASSWORD = 'hunter2-secret';
const smoke = [
  {
    post: '/login',
    form: { user: 'smoke', password: '{{password}}' },
    secrets: { password: { secret: `spillway/${SERVICE}/login`, path: '$.password' } },
    capture: { token: '$.token' },
    probe: true,
    expect: { status: 200 },
  },
  {
    get: '/me',
    headers: { authorization: 'Bearer {{token}}' },
    expect: { status: 200, '$.token': '{{token}}' },
  },
];

interface Event {
  rawPath?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** A handler that lets in who has the password, and after that who has the token; `isBroken` forgets its tokens. */
const api =
  (isBroken = false) =>
  (event: unknown) => {
    const { rawPath, body = '', headers = {} } = event as Event;
    if (rawPath === '/login') {
      const isKnown = Buffer.from(body, 'base64').toString().includes(PASSWORD);
      return { statusCode: isKnown ? 200 : 401, body: JSON.stringify({ token: TOKEN, password: PASSWORD }) };
    }
    const isLetIn = headers.authorization === `Bearer ${TOKEN}`;
    return isBroken && rawPath === '/me'
      ? { statusCode: 500, body: `no ${headers.authorization}` }
      : { statusCode: isLetIn ? 200 : 401, body: JSON.stringify({ token: TOKEN }) };
  };

const plot = (canary: (event: unknown) => unknown, more: Partial<Plot> = {}): Plot => ({
  journal: 'dynamodb',
  code: api(),
  before({ lambda, secrets }) {
    lambda.helpers.publish(FUNCTION, canary);
    secrets.secrets.set(`spillway/${SERVICE}/login`, JSON.stringify({ password: PASSWORD }));
  },
  release: { manifest: { targets: { api: { version: '2' } } } },
  rollout: { smoke, probe: { every: '20s' } },
  ...more,
});

/** All that was written while it rolled out. */
const written = ({ run, rollout, events }: Played) => JSON.stringify([run, rollout, events]);

describe('a login and its use', () => {
  test('pass a good release and are its probes too, and nothing that was written holds a secret or captured value', async () => {
    const played = await play(plot(api()));
    const { rollout, events } = played;
    expect(rollout).toMatchObject({ outcome: 'completed' });
    const answered = events.filter(({ type }) => type === 'HookAnswered');
    expect(answered).toMatchObject([
      {
        hook: 'smoke.1',
        status: 'pass',
        reason: expect.stringMatching(/^POST \/login .*; GET \/me answered 200/),
      },
    ]);
    const probed = events.flatMap((event) =>
      event.type === 'Measured' ? Object.values(event.probes ?? {}) : [],
    );
    expect(probed.reduce((sum, { pairs }) => sum + pairs, 0)).toBeGreaterThan(10);
    expect(probed.filter(({ canary, stable, skipped }) => canary + stable + skipped > 0)).toEqual([]);
    expect(written(played)).not.toMatch(/tok-4711|hunter2/);
  });

  test('refuse a release that does not know its own token, and the reason does not show it', async () => {
    const played = await play(plot(api(true)));
    expect(played.rollout).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('GET /me answered 500 instead of 200'),
    });
    expect(written(played)).not.toMatch(/tok-4711|hunter2/);
  });

  test('refuse a release whose secret is not there, by the environment and with what to do', async () => {
    const played = await play(
      plot(api(), { before: ({ lambda }) => void lambda.helpers.publish(FUNCTION, api()) }),
    );
    expect(played.rollout).toMatchObject({
      outcome: 'refused',
      leaving: { cause: 'environment' },
      reason: expect.stringContaining(
        `spillway/${SERVICE}/login does not exist in this account and region; create it`,
      ),
    });
  });
});
