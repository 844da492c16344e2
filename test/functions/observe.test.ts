import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import { signedClick } from '../../core/people/signed-click.ts';
import type { Click } from '../../core/people/slack-click.ts';
import { COUNTED } from '../../core/rollout/counts.ts';
import type { Hook } from '../../core/rollout/event.ts';
import { reportLimits } from '../../core/site/report.ts';
import { aws } from '../../functions/_aws.ts';
import { lambda } from '../../functions/_lambda.ts';
import { type LambdaContext, observer, visits } from '../../functions/_observe.ts';
import { executionsOn } from '../../functions/_ports.ts';
import type { UrlAnswer } from '../../functions/_url.ts';
import { beacon } from '../../functions/beacon.ts';
import { command } from '../../functions/command.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { watchdog } from '../../functions/watchdog.ts';
import { FUNCTIONS, type FunctionName } from '../../infra/facts.ts';
import { virtualClock } from '../../local/clock.ts';
import { HOOK_SECRET, PEOPLE_KEY } from '../../local/controller.ts';
import { controllerFunctions } from '../../local/functions.ts';
import { createScenario, FUNCTION, type Scenario, type ScenarioOptions } from '../../simulation/scenario.ts';
import { APP, formOf, payloadOf, signedBy, TEAM } from '../api/click.ts';
import { FIRST, setUp, unreachable, withJournal } from '../controller/set-up.ts';
import { iam, urlEvent } from './url-event.ts';

// Powertools looks at these when it is loaded; in its developer mode it writes to the console that a test can watch.
vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
    POWERTOOLS_DEV: 'true',
    POWERTOOLS_METRICS_DISABLED: 'false',
    ENVIRONMENT: 'test',
  });
});

/** Everything that was written, as text. */
let written: string[];

beforeEach(() => {
  written = [];
  for (const method of ['debug', 'error', 'info', 'log', 'warn'] as const)
    vi.spyOn(console, method).mockImplementation((...said: unknown[]) => {
      written.push(said.map(String).join(' '));
    });
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Json = Record<string, unknown>;
const parsed = (): Json[] => written.map((text) => JSON.parse(text) as Json);
const lines = (): Json[] => parsed().filter((json) => !('_aws' in json));
const metrics = (): Json[] => parsed().filter((json) => '_aws' in json);

/** The sum of one count over all that was written. */
const sum = (name: keyof typeof COUNTED): number =>
  metrics()
    .flatMap((each) => each[name] ?? [])
    .reduce<number>((total, value) => total + Number(value), 0);

/** The texts that stand somewhere in what was written. */
const leaked = (texts: readonly string[]): string[] =>
  texts.filter((text) => written.some((each) => each.includes(text)));

/** Runs one release to its end, and writes what the Lambda runtime would of every error that leaves a function. */
async function released(
  options: Partial<ScenarioOptions> = {},
  changes: Parameters<Scenario['release']>[0] = {},
  before: (scenario: Scenario) => void = () => {},
) {
  const clock = virtualClock();
  const inputs: unknown[] = [];
  const scenario = createScenario({
    seed: 1,
    warmMinutes: 20,
    ...options,
    clock,
    around: async (name, event, call) => {
      inputs.push(event);
      try {
        return await (options.around?.(name, event, call) ?? call(event));
      } catch (error) {
        console.error(
          JSON.stringify({ rolloutId: 'runtime', service: 'spillway', message: (error as Error).message }),
        );
        throw error;
      }
    },
  });
  before(scenario);
  const rollout = await clock.run(scenario.run(changes), 24 * 3600_000);
  await clock.advance(60_000);
  return { rollout, tokens: inputs.flatMap(tokensIn) };
}

function tokensIn(event: unknown): string[] {
  const { token } = (event ?? {}) as { token?: string };
  return token === undefined ? [] : [token];
}

/** What a manifest, a hook and a smoke test say, each with a word that stands nowhere else. */
const PRIVATE = {
  author: 'marker-author',
  commit: 'marker-commit',
  body: 'marker-body',
  hook: 'marker-hook',
} as const;

const http: Hook = {
  id: 'beforeTraffic.web',
  point: 'beforeTraffic',
  kind: 'http',
  target: 'api',
  spec: { url: 'https://hooks.test/ask?key=marker-url' },
  timeoutSeconds: 60,
  onBroken: 'ignore',
};

const answering = (status: string): Partial<ScenarioOptions> => ({
  hooks: [http],
  web: { 'hooks.test': () => Response.json({ status, reason: PRIVATE.hook }) },
  rollout: { verify: '3m', steps: [{ weight: 10, bake: '3m' }] },
});

const zipOf = (text: string) => zipSync({ 'index.mjs': new TextEncoder().encode(text) });

/** Ports each of which fails with words of others. */
function failing(ports: Ports): Ports {
  const said = () => Promise.reject(new Error('marker-foreign'));
  const broken = new Proxy({}, { get: () => said });
  return Object.fromEntries(
    Object.entries(ports).map(([name, port]) => {
      const isKept =
        ['access', 'clock', 'observer', 'publicUrl', 'tokens'].includes(name) || typeof port === 'string';
      if (isKept) return [name, port];
      return [name, typeof port === 'function' ? () => broken : broken];
    }),
  ) as unknown as Ports;
}

const SIGNING_SECRET = 'marker-signing-secret';
const ISSUER = 'https://id.test';

/** What a world is deployed with whose people sign in and use Slack; the provider refuses each code in another way. */
const doors = (): Partial<ScenarioOptions> => {
  let nth = 0;
  const words = { error: 'invalid_grant', error_description: 'marker-refusal' };
  const refusals = [
    () => Response.json(words, { status: 400 }),
    () => new Response('marker-outage', { status: 500 }),
    () => Response.json({ token_type: 'bearer', access_token: 'marker-access', id_token: 'e30.marker.e30' }),
    () => Promise.reject(new Error('marker-network')),
  ];
  const described = {
    ...{ issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/token` },
    ...{ jwks_uri: `${ISSUER}/keys`, token_endpoint_auth_methods_supported: ['client_secret_post'] },
  };
  return {
    access: {
      ...NO_ACCESS,
      oidc: { issuer: ISSUER, clientId: 'marker-client', groupsClaim: 'groups' },
      slack: { teams: [TEAM], appId: APP },
    },
    settings: { PUBLIC_URL: 'https://marker-api.example' },
    secrets: { OidcClientSecret: 'marker-client-secret', SlackSigningSecret: SIGNING_SECRET },
    web: {
      'id.test': async ({ url }) =>
        url.endsWith('/token')
          ? (refusals[nth++ % refusals.length]?.() as Response)
          : Response.json(described),
    },
  };
};

/** Goes through sign-in and Slack's door in every way in which they refuse, and once as they take it; answers what no log may hold. */
async function throughDoors(stage: Scenario): Promise<{ secrets: string[]; statuses: unknown[] }> {
  const secrets: string[] = [];
  const statuses: unknown[] = [];
  const call = async (...asked: Parameters<typeof urlEvent>) => {
    const answer = (await stage.invoke('ApiPublic', urlEvent(...asked))) as UrlAnswer;
    statuses.push([asked[1], answer.statusCode]);
    return answer;
  };
  for (let nth = 0; nth < 4; nth++) {
    const { headers, cookies } = await call('GET', '/auth/login', { query: 'to=/rollouts/marker-to' });
    const asked = new URL(headers.location ?? '');
    const state = asked.searchParams.get('state') ?? '';
    const [cookie = ''] = (cookies[0] ?? '').split(';');
    const [, token = ''] = cookie.split(/=(.*)/);
    secrets.push(
      state,
      token,
      ...['nonce', 'code_challenge'].map((name) => asked.searchParams.get(name) ?? ''),
    );
    const query = `code=marker-code-${nth}&state=${state}&iss=${encodeURIComponent(ISSUER)}`;
    await call('GET', '/auth/callback', { query, cookies: [cookie] });
    await call('GET', '/auth/callback', {
      query: query.replace(state, `${state}-marker`),
      cookies: [cookie],
    });
    await call('GET', '/auth/callback', { query, cookies: [`${cookie.slice(0, -3)}xyz`] });
  }
  for (const more of [
    {},
    { button: 'nonsense' },
    { more: { team: { id: 'T-marker' } } },
    { value: 'marker-value' },
  ]) {
    const body = formOf(
      payloadOf(FIRST, { button: 'pause', reason: 'marker-reason', user: { name: 'marker-name' }, ...more }),
    );
    const now = Math.floor(stage.clock.now() / 1_000);
    const headers = signedBy(SIGNING_SECRET, body, now);
    secrets.push(body, body.slice(0, 60), headers['x-slack-signature']);
    await call('POST', '/slack/actions', { headers, body });
    await call('POST', '/slack/actions', { headers: { ...headers, 'x-slack-signature': 'v0=marker' }, body });
    await call('POST', '/slack/actions', { headers: signedBy('marker-wrong', body, now), body });
    await call('POST', '/slack/actions', { headers: signedBy(SIGNING_SECRET, body, now - 900), body });
    await call('POST', '/slack/actions', { headers, body: `${body}marker-tail` });
  }
  return { secrets, statuses };
}

describe('the logs of a rollout', () => {
  test.each([
    ['completes', answering('pass'), 'completed'],
    ['is refused by a hook', answering('fail'), 'refused'],
    ['fails', { canaries: { 2: { errors: 0.4 } } }, 'reverted'],
  ] as const)('that %s are JSON, and each line names a rollout', async (_what, options, outcome) => {
    const { rollout } = await released({ ...options, requestsPerSecond: 500 });
    expect(rollout.outcome).toBe(outcome);
    expect(lines().length).toBeGreaterThan(5);
    for (const line of lines())
      expect(line).toMatchObject({ service: 'spillway', rolloutId: expect.any(String) });
    const named = lines().filter(({ rolloutId }) => rolloutId === FIRST);
    expect(named.map(({ message }) => message)).toContain('RolloutClosed');
    expect(named.length).toBeGreaterThan(lines().length / 2);
  });

  test.each(['pass', 'fail'])(
    'hold no token, secret or word of others where a hook says %s',
    async (status) => {
      const { tokens } = await released({ ...answering(status), requestsPerSecond: 500 });
      expect(tokens.length).toBeGreaterThan(0);
      expect(leaked([...tokens, HOOK_SECRET, PRIVATE.hook, 'marker-url', 'hooks.test'])).toEqual([]);
    },
  );

  test('hold nothing of a manifest, and nothing that a smoke test was answered', async () => {
    const { author, commit } = PRIVATE;
    const { rollout } = await released(
      { rollout: { smoke: [{ get: '/marker-path', expect: { status: 200 } }] } },
      { manifest: { targets: { api: { version: '2' } }, author, commit } },
      ({ lambda }) => lambda.helpers.publish(FUNCTION, () => ({ statusCode: 503, body: PRIVATE.body })),
    );
    expect(rollout.reason).toContain(PRIVATE.body);
    expect(rollout.opening).toMatchObject({ author, commit });
    expect(leaked([PRIVATE.body, author, commit, 'marker-path'])).toEqual([]);
  });

  test.each([200, 500])(
    'hold no token, key, address or link of those who are notified, where a webhook answers %s',
    async (status) => {
      const posted: string[] = [];
      const { author, commit } = PRIVATE;
      const webhook = 'https://hooks.test/rollouts?sig=marker-sig';
      await released(
        {
          access: {
            ...{ groups: {}, people: {}, believedSessions: [] },
            notify: { '*': [{ slack: '#marker-channel' }, { webhook, links: 'abort' }] },
          },
          settings: { PUBLIC_URL: 'https://marker-api.example' },
          secrets: { SlackToken: 'xoxb-marker-slack', WebhookKey: 'whsec_bWFya2VyLWtleQ==' },
          web: {
            async 'hooks.test'(request) {
              posted.push(await request.text());
              return new Response('marker-answer', { status });
            },
          },
        },
        { manifest: { author, commit } },
      );
      const [, link = ''] = /\/link#([\w.-]+)/.exec(posted.at(-1) ?? '') ?? [];
      expect(link.length).toBeGreaterThan(50);
      expect(lines().some(({ message }) => message === 'not delivered')).toBe(true);
      const secrets = ['xoxb-marker', 'marker-slack', 'bWFya2Vy', 'marker-sig', 'hooks.test', 'marker-api'];
      expect(
        leaked([...secrets, link.slice(0, 60), 'marker-channel', 'marker-answer', author, commit]),
      ).toEqual([]);
    },
  );

  test('hold nothing that a command or its refusal carries', async () => {
    const stage = setUp();
    await stage.openRaised();
    const order = (name: string, more: object = {}) =>
      stage
        .call(command, { command: name, rolloutId: FIRST, by: 'marker-person', ...more })
        .catch((error: unknown) => {
          console.error(JSON.stringify({ message: (error as Error).message }));
        });
    await order('pause', { reason: 'marker-reason' });
    await order('pause', { reason: 'marker-reason' });
    await order('abort', { reason: 'marker-reason' });
    await order('promote');
    await order('nonsense', { token: 'marker-token' });
    expect(lines().filter(({ message }) => message === 'failed')).toHaveLength(3);
    expect(leaked(['marker-person', 'marker-reason', 'marker-token'])).toEqual([]);
  });

  test('name of a foreign error its kind and place, not what it says', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports: Ports = {
      ...stage.ports,
      router: () => {
        throw Object.assign(new TypeError(`no ${PRIVATE.body}`), { $metadata: { requestId: 'aws-1' } });
      },
    };
    await expect(stage.call(revertTraffic, { ref, came: {} }, ports)).rejects.toThrow(PRIVATE.body);
    const failed = lines().find(({ message }) => message === 'failed');
    expect(failed).toMatchObject({ rolloutId: FIRST, error: 'TypeError', awsRequestId: 'aws-1' });
    expect(failed?.at).not.toEqual([]);
    expect(leaked([PRIVATE.body])).toEqual([]);
  });

  test('name a read that a tick did without, and not what a foreign error says of it', async () => {
    const failing = async (): Promise<never> => {
      throw Object.assign(new Error('marker-metrics'), { name: 'AccessDenied' });
    };
    const changePorts = (ports: Ports): Ports => ({
      ...ports,
      metrics: { ...ports.metrics, heartbeat: failing },
    });
    await released({ changePorts, requestsPerSecond: 0, rollout: { onInconclusive: 'promote' } });
    const [unread] = lines().filter(({ message }) => message === 'unread');
    expect(unread).toMatchObject({ rolloutId: FIRST, what: 'heartbeat of metrics', error: 'AccessDenied' });
    expect(leaked(['marker-metrics'])).toEqual([]);
  });

  test('take nothing for a rollout id that is none', async () => {
    const stage = setUp();
    const injected = 'x"}\n{"level":"ERROR"';
    await stage.call(command, { command: 'resume', rolloutId: injected, by: 'me' }).catch(() => {});
    expect(lines().map(({ rolloutId }) => rolloutId)).toEqual(['none']);
  });

  test('hold no secret, code, state, cookie or form of whoever signs in or uses Slack', async () => {
    const clock = virtualClock();
    const rollout = { steps: [{ weight: 10, bake: '60m' }] };
    const stage = createScenario({ seed: 1, warmMinutes: 0, ...doors(), rollout, clock });
    await clock.run(stage.release());
    // Signatures are checked beside virtual time, which must pass all the same.
    let isThrough = false;
    const through = throughDoors(stage).finally(() => {
      isThrough = true;
    });
    while (!isThrough) {
      await clock.advance(5);
      await new Promise(setImmediate);
    }
    const { secrets, statuses } = await through;
    await clock.advance(60_000);
    const paths = (path: string) => statuses.filter((each) => String(each).startsWith(path));
    const [signedIn, refused] = [paths('/auth/callback'), paths('/slack/actions')];
    expect(paths('/auth/login')).toEqual(Array(4).fill(['/auth/login', 302]));
    const callback = (status: number) => ['/auth/callback', status];
    expect(signedIn).toEqual(
      [400, 424, 424, 424].flatMap((status) => [callback(status), callback(400), callback(400)]),
    );
    expect(refused.map((each) => (each as [string, number])[1])).toEqual(
      [200, 200, 403, 422].flatMap((status) => [status, 401, 401, 401, 401]),
    );
    const said = lines().map(({ message }) => message);
    expect(said).toContain('could not sign anybody in');
    expect(said).toContain('refused what Slack sent');
    expect(Math.min(...secrets.map(({ length }) => length))).toBeGreaterThan(20);
    expect(
      leaked([...secrets, SIGNING_SECRET, 'marker-', 'T-marker', encodeURIComponent('"marker')]),
    ).toEqual([]);
  });

  test('of every function hold nothing that outsiders say, whatever it does and whatever it is sent', async () => {
    const called = new Map<FunctionName, unknown>();
    const markers = (reads: object): Partial<ScenarioOptions> => ({
      around: (name, event, call) => {
        called.set(name, event);
        return call(event);
      },
      web: { 'hooks.test': () => Response.json({ status: 'pass', reason: PRIVATE.hook }) },
      hooks: [http, { ...http, id: 'onRevert.web', point: 'onRevert' }],
      ...reads,
    });
    const { author, commit } = PRIVATE;
    const order = (stage: Scenario, name: string, more: object = {}) =>
      stage.invoke('Command', { command: name, rolloutId: FIRST, by: 'marker-person', ...more });
    const alarm = { AlarmName: 'orders', AlarmDescription: 'marker-alarm', Namespace: 'marker-space' };
    const reverted = await released(
      markers({
        tags: { 'spillway:mode': 'zip' },
        code: zipOf('export const handler = () => "marker-code";'),
        rollout: { alarms: ['orders'], steps: [{ weight: 10, bake: '60m' }] },
      }),
      { zip: zipOf('export const handler = () => 2; // marker-code'), manifest: { author, commit } },
      (stage) => {
        const { cloudwatch } = stage.clients;
        const at = (minute: number, does: () => unknown) =>
          void stage.clock.sleep(minute * 60_000).then(does);
        at(1, () =>
          cloudwatch.send(
            new PutMetricAlarmCommand({
              ...{ ...alarm, MetricName: 'Orders', Statistic: 'Sum', Period: 60, EvaluationPeriods: 1 },
              ...{ Threshold: 1, ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'notBreaching' },
            }),
          ),
        );
        at(25, () => order(stage, 'pause', { reason: 'marker-reason' }));
        at(27, () => order(stage, 'resume'));
        at(28, () => stage.invoke('ReadRollout', { read: 'events', rolloutId: FIRST, after: 0 }));
        const headers = { authorization: 'Bearer marker-link', 'x-any': 'marker-header' };
        const more = { headers, cookies: ['__Host-session=marker-session'], query: 'after=marker-query' };
        const marked = urlEvent('POST', `/rollouts/${FIRST}/pause`, {
          ...{ ...more, body: '{"reason":"marker-reason","more":"marker-body"}' },
          authorizer: iam('arn:aws:iam::111122223333:user/marker-caller'),
        });
        for (const door of ['ApiIam', 'ApiPublic', 'Beacon'] as const)
          at(29, () => stage.invoke(door, marked));
        const click: Click = {
          ...{ team: 'T1', user: 'U1', name: 'marker-person', button: 'abort', reason: 'marker-reason' },
          ...{ value: { rolloutId: FIRST }, at: '1', responseUrl: 'https://hooks.slack.com/marker-reply' },
        };
        at(29, async () => stage.invoke('SlackAction', await signedClick(click, stage.ports)));
        const abort = { command: 'abort', by: 'marker-person', reason: 'marker-reason' };
        at(29, () => stage.invoke('Abort', { ...abort, rolloutId: 'unknown--r1--1' }).catch(() => {}));
        at(30, () => stage.ports.executions.stop(FIRST, 2, 'marker-stop'));
        at(45, () =>
          cloudwatch.send(
            new SetAlarmStateCommand({
              ...{ AlarmName: 'orders', StateValue: 'ALARM', StateReason: 'marker-state' },
            }),
          ),
        );
      },
    );
    expect(reverted.rollout).toMatchObject({ outcome: 'reverted', takeovers: 1 });
    const completed = await released(
      markers({ rollout: { verify: '3m', steps: [{ weight: 10, bake: '3m' }] } }),
    );
    expect(completed.rollout.outcome).toBe('completed');
    expect([...called.keys()].sort()).toEqual([...FUNCTIONS].sort());
    // What none of them takes, and what each of them takes where nothing else works.
    const { ports } = setUp();
    const broken = failing(ports);
    for (const name of FUNCTIONS) {
      const before = written.length;
      await controllerFunctions(() => ports)
        [name]({ [name]: 'marker-event', token: 'marker-token' })
        .catch(() => {});
      await controllerFunctions(() => broken)
        [name](called.get(name))
        .catch(() => {});
      expect(written.length, name).toBeGreaterThan(before);
    }
    expect(
      leaked([...reverted.tokens, ...completed.tokens, HOOK_SECRET, PEOPLE_KEY, PRIVATE.hook, 'marker-']),
    ).toEqual([]);
  });

  test('would show a token that was written', () => {
    console.info(JSON.stringify({ token: 'planted' }));
    expect(leaked(['planted', 'absent'])).toEqual(['planted']);
  });
});

describe('the counts of a rollout', () => {
  test.each([
    [{}, 'RolloutsCompleted'],
    [{ canaries: { 2: { errors: 0.4 } } }, 'RolloutsReverted'],
    [answering('fail'), 'RolloutsRefused'],
  ] as const)('name its outcome: %#', async (options, name) => {
    const { rollout } = await released({ requestsPerSecond: 500, ...options });
    const outcomes = Object.keys(COUNTED).filter((each) => /^Rollouts/.test(each));
    expect(outcomes.filter((each) => sum(each as typeof name) > 0)).toEqual([name]);
    expect(sum(name)).toBe(1);
    expect(sum('RevertSeconds') > 0).toBe(rollout.outcome === 'reverted');
    const verdicts = Object.keys(COUNTED).filter((each) =>
      /^Verdicts/.test(each),
    ) as (keyof typeof COUNTED)[];
    const ticks = lines().filter(({ message }) => message === 'Measured').length;
    expect(verdicts.reduce((total, each) => total + sum(each), 0)).toBe(ticks);
  });

  test('stand under one namespace and one dimension, with known names and units', async () => {
    await released({ requestsPerSecond: 500 });
    expect(metrics().length).toBeGreaterThan(2);
    for (const each of metrics()) {
      expect(each.environment).toBe('test');
      const { CloudWatchMetrics } = each._aws as { CloudWatchMetrics: Json[] };
      expect(CloudWatchMetrics).toHaveLength(1);
      const { Namespace, Dimensions, Metrics } = CloudWatchMetrics[0] as {
        Namespace: string;
        Dimensions: string[][];
        Metrics: { Name: keyof typeof COUNTED; Unit: string }[];
      };
      expect({ Namespace, Dimensions }).toEqual({ Namespace: 'Spillway', Dimensions: [['environment']] });
      for (const { Name, Unit } of Metrics) expect(Unit).toBe(COUNTED[Name]);
    }
  });

  test('a revert that fails is counted, each try for itself', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports: Ports = {
      ...stage.ports,
      router: (kind) => ({
        ...stage.ports.router(kind),
        revert: () => Promise.reject(new RolloutError('RevertFailed', 'the alias is locked')),
      }),
    };
    for (const tries of [1, 2]) {
      await expect(stage.call(revertTraffic, { ref, came: {} }, ports)).rejects.toThrow('locked');
      expect(sum('RevertFailed')).toBe(tries);
    }
  });

  test('a raise that could not ask the budget says so, and one that could does not', async () => {
    await setUp().openRaised();
    expect(sum('BudgetUnanswered')).toBe(0);
    const stage = setUp();
    const ref = await stage.open();
    const budget = { take: () => Promise.reject(new Error('AccessDeniedException')) };
    await stage.call(shiftTraffic, ref, { ...stage.ports, budget });
    expect(sum('BudgetUnanswered')).toBe(1);
  });

  test('a watchdog that cannot read the journal says so', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const armed = await stage.clock.run(stage.ports.watchdog.frozen(FIRST));
    await stage.call(watchdog, armed ?? ref, withJournal(stage.ports, { read: unreachable }));
    expect(sum('JournalUnreadable')).toBe(1);
  });

  test('a watchdog that takes a stuck rollout over says so', async () => {
    const stage = setUp();
    await stage.openRaised();
    const armed = await stage.clock.run(stage.ports.watchdog.frozen(FIRST));
    await stage.clock.advance(3600_000);
    await stage.call(watchdog, armed);
    expect(sum('RolloutsTakenOver')).toBe(1);
  });

  test('each try that AWS refuses for its rate is counted', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: 'com.amazon.coral.availability#ThrottlingException' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_SFN: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'simulated',
      AWS_SECRET_ACCESS_KEY: 'simulated',
      STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:111122223333:stateMachine:rollout',
    });
    const wakes = lambda({ input: z.unknown(), run: () => executionsOn(aws).wake('token') }, () => ({}));
    await expect(wakes({})).rejects.toMatchObject({ name: 'Unavailable' });
    server.close();
    // Two tries of the client; the adapter may ask it again.
    expect(sum('Throttles')).toBeGreaterThanOrEqual(2);
  });
});

test('a function that is about to be ended says so, writes its counts, and answers only what comes in time', async () => {
  const context = { awsRequestId: '1', getRemainingTimeInMillis: () => 260 } as LambdaContext;
  const run = () => {
    observer.count({ Throttles: 1 });
    return new Promise<string>((resolve) => setTimeout(resolve, 100, 'in time'));
  };
  const answer = vi.fn();
  void lambda({ input: z.unknown(), run }, () => ({}))({ rolloutId: FIRST }, context).then(answer, answer);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(lines()).toMatchObject([{ message: 'runs out of time', rolloutId: FIRST }]);
  expect(sum('Throttles')).toBe(1);
  expect(answer).not.toHaveBeenCalled();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(answer).toHaveBeenCalledWith('in time');
});

describe('visits of a site', () => {
  test('are a line for each release, with nothing of another one', () => {
    visits.add('web-shop', 'r41', { Visits: 1, FailedVisits: 0, CLS: 0.12, LCP: 900 });
    visits.add('web-shop', 'r42', { FailedVisits: 1 });
    const lines = metrics().map(({ _aws, ...line }) => ({ ...line, of: (_aws as Json).CloudWatchMetrics }));
    const of = (...Metrics: object[]) => [
      { Namespace: 'Spillway', Dimensions: [['Site', 'Release']], Metrics },
    ];
    const count = (Name: string) => ({ Name, Unit: 'Count' });
    expect(lines).toEqual([
      {
        ...{ Site: 'web-shop', Release: 'r41', Visits: 1, FailedVisits: 0, CLS: 0.12, LCP: 900 },
        of: of(
          count('Visits'),
          count('FailedVisits'),
          { Name: 'CLS', Unit: 'None' },
          { Name: 'LCP', Unit: 'Milliseconds' },
        ),
      },
      { ...{ Site: 'web-shop', Release: 'r42', FailedVisits: 1 }, of: of(count('FailedVisits')) },
    ]);
  });

  test('are the only lines of the function that takes reports', async () => {
    const report = urlEvent('POST', '/', { body: '{"r":"r42","n":1,"f":0}' });
    const quiet = lambda(beacon, () => instance(), { isQuiet: true });
    await quiet(report);
    expect(written).toEqual([]);
    await expect(quiet({})).rejects.toThrow();
    expect(lines()).toMatchObject([{ level: 'ERROR' }]);
  });
});

const instance = (): Parameters<typeof beacon.run>[1] => ({
  clock: virtualClock(),
  liveSites: { find: async () => undefined },
  ...{ visits, reportLimits: reportLimits() },
});
