import { describe, expect, test } from 'vitest';
import { api } from '../../api/api.ts';
import { SLACK, slackActions } from '../../api/slack.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import type { Click } from '../../core/people/slack-click.ts';
import { APP, type ClickOptions, formOf, payloadOf, SECRET, signedBy, TEAM } from './click.ts';
import { ask, ID } from './stage.ts';

const NOW_S = 1_800_000_000;
const clock = { now: () => NOW_S * 1_000, sleep: async () => {} };

/** The public API of a deployment with a Slack app, and the clicks that it handed over. */
function door(hand: (click: Click) => Promise<void> = async () => {}, secret = SECRET) {
  const clicks: Click[] = [];
  const refusals: string[] = [];
  const slack = slackActions({
    slack: { teams: [TEAM], appId: APP },
    signingSecret: async () => secret,
    clock,
    async hand(click) {
      await hand(click);
      clicks.push(click);
    },
    refused: (why) => void refusals.push(why),
  });
  const reads = new Proxy({}, { get: () => () => Promise.reject(new Error('nothing is read')) });
  const app = api({
    about: { environment: 'production', bucket: 'b', scheduleGroup: 'g' },
    reads: reads as never,
    command: () => Promise.reject(new Error('no command is given')),
    access: NO_ACCESS,
    tokens: { sign: async () => '', read: async () => ({}) },
    clock,
    principal: async () => undefined,
    isPublic: true,
    failed: () => {},
    mount: { [SLACK]: slack },
  });
  const send = (body: string | Uint8Array, headers: Record<string, unknown> = {}) =>
    ask(app, 'POST', '/slack/actions', { body, ...signedBy(SECRET, body, NOW_S), ...headers });
  const click = (options: ClickOptions = {}) => send(formOf(payloadOf(ID, options)));
  return { app, clicks, refusals, send, click };
}

test('a signed click is answered by an empty 200 once it is handed over', async () => {
  const { clicks, click } = door();
  const { status, text, headers } = await click({ reason: ' it\nfails <!channel> ' });
  expect([status, text, headers.get('cache-control')]).toEqual([200, '', 'no-store']);
  expect(clicks).toEqual([
    {
      ...{ team: TEAM, user: 'U1', name: 'ada', button: 'abort', value: { rolloutId: ID } },
      reason: 'it fails <!channel>',
      at: '1548426417.840180',
      responseUrl: 'https://hooks.slack.com/actions/T024BE7LD/1/x',
    },
  ]);
});

test('what could not be handed over is not answered as if it were', async () => {
  const { click } = door(() => Promise.reject(new Error('no room')));
  const { status, body, headers } = await click();
  expect([status, body]).toMatchObject([500, { status: 500 }]);
  expect(headers.get('x-slack-no-retry')).toBeNull();
});

describe('signatures', () => {
  // "Verifying requests from Slack", with its own secret, time and body.
  const BODY =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const SIGNATURE = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';
  const then = { now: () => 1_531_420_618_000, sleep: async () => {} };
  const vector = async (body: string, signature: string) => {
    const app = slackActions({
      ...{
        slack: { teams: [TEAM], appId: APP },
        signingSecret: async () => SECRET,
        clock: then,
        hand: async () => {},
      },
      refused: () => {},
    });
    app.onError((error) => new Response(error.message, { status: 400 }));
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': signature,
    };
    return (await app.request('/actions', { method: 'POST', body, headers })).text();
  };

  test('are read as Slack documents them', async () => {
    expect(await vector(BODY, SIGNATURE)).toContain('no payload');
    expect(await vector(BODY.replace('foobar', 'foobaz'), SIGNATURE)).toContain('did not sign');
    expect(await vector(BODY, SIGNATURE.replace('b503', 'b504'))).toContain('did not sign');
  });

  const body = formOf(payloadOf(ID));
  const good = signedBy(SECRET, body, NOW_S)['x-slack-signature'];
  test.each<[string, Record<string, unknown>]>([
    ['of another secret', signedBy('another', body, NOW_S)],
    ['of an empty secret', signedBy('', body, NOW_S)],
    ['of another body', signedBy(SECRET, `${body}&more=1`, NOW_S)],
    ['301 s old', signedBy(SECRET, body, NOW_S - 301)],
    ['301 s ahead', signedBy(SECRET, body, NOW_S + 301)],
    ['whose time is no number', signedBy(SECRET, body, 'abc')],
    ['whose time begins with digits', signedBy(SECRET, body, `${NOW_S}abc`)],
    ['whose time is signed twice', signedBy(SECRET, body, `${NOW_S}, ${NOW_S}`)],
    ['whose time has a sign', signedBy(SECRET, body, `+${NOW_S}`)],
    ['whose time has a fraction', signedBy(SECRET, body, `${NOW_S}.5`)],
    ['whose time is in another notation', signedBy(SECRET, body, '1.8e9')],
    ['without a time', { 'x-slack-request-timestamp': '', 'x-slack-signature': good }],
    ['with the time of another request', { 'x-slack-request-timestamp': String(NOW_S - 1) }],
    ['that is missing', { 'x-slack-signature': '' }],
    ['of another version', { 'x-slack-signature': good.replace('v0', 'v1') }],
    ['without its version', { 'x-slack-signature': good.slice(3) }],
    ['that is cut', { 'x-slack-signature': good.slice(0, -1) }],
    ['that is longer', { 'x-slack-signature': `${good}0` }],
    ['in capitals', { 'x-slack-signature': good.toUpperCase() }],
    ['that comes twice', { 'x-slack-signature': `${good}, ${good}` }],
    ['that is not hexadecimal', { 'x-slack-signature': `v0=${'zz'.repeat(32)}` }],
  ])('%s prove nothing', async (_, headers) => {
    const { clicks, refusals, send } = door();
    const { status, body: problem, headers: answered } = await send(body, headers);
    expect([status, problem]).toMatchObject([401, { code: 'NotAllowed' }]);
    expect(refusals).toEqual(['Slack did not sign this request for this app within five minutes.']);
    expect(answered.get('x-slack-no-retry')).toBe('1');
    expect(clicks).toEqual([]);
  });

  test.each([-300, 300])('%i s from now are taken', async (off) => {
    const { send } = door();
    expect((await send(body, signedBy(SECRET, body, NOW_S + off))).status).toBe(200);
  });

  test('prove nothing to a deployment without a secret', async () => {
    const { app } = door(undefined, '');
    const asked = { body, ...signedBy('', body, NOW_S) };
    expect((await ask(app, 'POST', '/slack/actions', asked)).status).toBe(401);
  });
});

describe('what Slack has signed', () => {
  test.each<[string, object]>([
    ['another app of Slack', { api_app_id: 'A0OTHER' }],
    ['another workspace', { team: { id: 'T0OTHER', domain: 'other' } }],
    ['no workspace', { team: null, enterprise: null }],
    ['another organization', { team: null, enterprise: { id: 'E0OTHER', name: 'Other' } }],
  ])('for %s is refused', async (_, more) => {
    const { clicks, click } = door();
    const { status, body, headers } = await click({ more });
    expect([status, body]).toMatchObject([403, { code: 'NotAllowed' }]);
    expect(headers.get('x-slack-no-retry')).toBe('1');
    expect(clicks).toEqual([]);
  });

  test('keeps whose workspace somebody is of, in a channel that two companies share', async () => {
    const { clicks, click } = door();
    await click({ user: { team_id: 'T0OTHER' } });
    expect(clicks).toMatchObject([{ team: 'T0OTHER', user: 'U1' }]);
  });

  test('of an organization counts by the organization', async () => {
    const { clicks, send } = door();
    const payload = payloadOf(ID, {
      user: { team_id: 'E024BE7LD' },
      more: { team: null, enterprise: { id: TEAM, name: 'Shop' }, is_enterprise_install: true },
    });
    expect((await send(formOf(payload))).status).toBe(200);
    expect(clicks).toMatchObject([{ team: 'E024BE7LD' }]);
  });

  test.each<[string, object]>([
    ['a button that only opens a page', payloadOf(ID, { button: 'details' })],
    ['a button that is not one of ours', payloadOf(ID, { button: 'constructor' })],
    ['no action', payloadOf(ID, { more: { actions: [] } })],
    ['a shortcut', { type: 'message_action', callback_id: 'x' }],
    ['a dialog', { type: 'view_submission', view: {} }],
    ['nothing', {}],
  ])('for %s is answered, and asks for nothing', async (_, payload) => {
    const { clicks, send } = door();
    const { status, text } = await send(formOf(payload));
    expect([status, text, clicks]).toEqual([200, '', []]);
  });

  test.each<[string, object]>([
    ['without a person', { user: undefined }],
    ['without the workspace of the person', { user: { id: 'U1', username: 'ada' } }],
    ['whose person is no id', { user: { id: 'U1/../U2', team_id: TEAM } }],
    ['whose value is no button’s', { actions: [{ action_id: 'abort', action_ts: '1', value: ID }] }],
    ['without a value', { actions: [{ action_id: 'abort', action_ts: '1' }] }],
    ['without a time', { actions: [{ action_id: 'abort', value: '{}' }] }],
    ['with a long time', { actions: [{ action_id: 'abort', action_ts: '1'.repeat(41), value: '{}' }] }],
    ['without an address for answers', { response_url: undefined }],
  ])('%s is refused', async (_, more) => {
    const { clicks, click } = door();
    const { status, body, headers } = await click({ more });
    expect([status, body, clicks]).toMatchObject([422, { code: 'RequestInvalid' }, []]);
    expect(headers.get('x-slack-no-retry')).toBe('1');
  });

  test.each<[string, string | Uint8Array, Record<string, unknown>, number]>([
    ['JSON', JSON.stringify(payloadOf(ID)), { 'content-type': 'application/json' }, 415],
    ['a form of another kind', formOf(payloadOf(ID)), { 'content-type': 'multipart/form-data' }, 415],
    ['an empty body', '', {}, 400],
    ['a form without a payload', 'a=b', {}, 400],
    ['a payload that is no JSON', 'payload=%7B', {}, 400],
    ['deep JSON', `payload=${'['.repeat(100_000)}`, {}, 400],
    ['bytes that are no text', Uint8Array.from([0xff, 0xfe, 0x00]), {}, 400],
    ['half a megabyte', `payload=${'a'.repeat(512 * 1024)}`, {}, 413],
  ])('as %s is refused', async (_, body, headers, status) => {
    const { clicks, send } = door();
    const answer = await send(body, headers);
    expect([answer.status, clicks]).toEqual([status, []]);
  });

  test('a text of megabytes in the input is cut', async () => {
    const { clicks, click } = door();
    await click({
      reason: 'x'.repeat(100_000),
      user: { name: `a${'\u202e'.repeat(9)}${'b'.repeat(999)}` },
    });
    expect(clicks[0]?.reason).toHaveLength(3_000);
    expect(clicks[0]?.name).toMatch(/^ab{99}$/);
  });

  test('is one click, however many actions or payloads it claims to have', async () => {
    const { clicks, send } = door();
    const { actions, ...payload } = payloadOf(ID);
    const two = { ...payload, actions: [...actions, { ...actions[0], action_id: 'promote' }] };
    await send(`${formOf(two)}&${formOf(payloadOf('other--r1--1'))}`);
    expect(clicks).toMatchObject([{ button: 'abort', value: { rolloutId: ID } }]);
  });

  test('counts for each person, but an abort is not in the way of another person', async () => {
    const { clicks, send } = door();
    const clickBy = (id: string) => send(formOf(payloadOf(ID, { user: { id } })));
    const statuses = [];
    for (let nth = 0; nth < 25; nth++) statuses.push((await clickBy('U1')).status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await clickBy('U2')).status).toBe(200);
    expect(clicks.at(-1)?.user).toBe('U2');
  });
});

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s is refused', async (method) => {
  const { app, clicks } = door();
  const body = formOf(payloadOf(ID));
  const { status, headers } = await ask(app, method, '/slack/actions', {
    ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
    ...signedBy(SECRET, body, NOW_S),
  });
  expect([status, headers.get('allow'), clicks]).toEqual([405, 'POST', []]);
});
