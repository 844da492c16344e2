import { describe, expect, test } from 'vitest';
import { standardWebhook, webhookSignature } from '../../adapters/standard-webhook.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const URL_OK = 'https://hooks.example/rollouts?sig=s3cret';

function setUp(
  answer: (request: Request) => Response | Promise<Response>,
  more: Partial<{ hosts: string[]; secret: () => Promise<string> }> = {},
) {
  const sent: Request[] = [];
  const fetched: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request.clone());
    return answer(request);
  };
  const clock = {
    now: () => 1_614_265_330_999,
    sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms).unref()),
  };
  const hook = (address = URL_OK) =>
    standardWebhook(
      address,
      { fetch: fetched, hosts: ['hooks.example'], secret: async () => SECRET, ...more },
      clock,
    );
  return { sent, hook };
}

describe('a webhook', () => {
  test('is signed as the vector of Standard Webhooks says', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    };
    expect(webhookSignature(message, SECRET)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('carries its id, when it was sent, and a signature of both and of its body', async () => {
    const { sent, hook } = setUp(() => new Response(null, { status: 204 }));
    expect(await hook().post('x--r1--1#3', '{"a":1}')).toBe('taken');
    const [request] = sent;
    expect(request?.method).toBe('POST');
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'x--r1--1#3',
      'webhook-timestamp': '1614265330',
      'webhook-signature': webhookSignature(
        { id: 'x--r1--1#3', timestamp: 1_614_265_330, body: '{"a":1}' },
        SECRET,
      ),
    });
    expect(await request?.text()).toBe('{"a":1}');
  });

  test.each([400, 401, 404, 429, 500, 503])(
    'that is answered with status %s was not taken',
    async (status) => {
      const { hook } = setUp(() => new Response('page', { status }));
      await expect(hook().post('i', '{}')).rejects.toThrow(`HTTP status ${status}`);
    },
  );

  test('follows nobody elsewhere', async () => {
    const { sent, hook } = setUp(
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }),
    );
    await expect(hook().post('i', '{}')).rejects.toThrow('HTTP status 302');
    expect(sent.length).toBe(1);
  });

  test('that is answered with status 410 is wanted no more', async () => {
    const { hook } = setUp(() => new Response(null, { status: 410 }));
    expect(await hook().post('i', '{}')).toBe('gone');
  });

  test.each([
    ['another host', 'https://evil.example/x', {}, /evil.example is not a host/],
    ['another port', 'https://hooks.example:8443/x', {}, /hooks.example:8443 is not a host/],
    ['no encryption', 'http://hooks.example/x', {}, /no address that begins with https/],
    ['a password', 'https://ada:pw@hooks.example/x', {}, /holds a password/],
    ['no key', URL_OK, { secret: () => Promise.reject(new Error('no key')) }, /no key/],
  ])('to %s is not sent, and its address is not repeated', async (_, address, more, why) => {
    const { sent, hook } = setUp(() => new Response(null), more);
    const posted = hook(address).post('i', '{}');
    await expect(posted).rejects.toThrow(why);
    await expect(posted).rejects.not.toThrow(/s3cret|pw/);
    expect(sent).toEqual([]);
  });

  test('is known by something that says nothing of its address', () => {
    const { hook } = setUp(() => new Response(null));
    expect(hook().key).toMatch(/^webhook [0-9a-f]{16}$/);
    expect(hook().key).not.toBe(hook('https://hooks.example/other').key);
  });
});
