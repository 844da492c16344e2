import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import { takesCommands } from '../../core/rollout/command-request.ts';
import { FUNCTIONS, type FunctionName } from '../../infra/facts.ts';
import { controllerFunctions } from '../../local/functions.ts';
import { targetOf } from '../contract/rollouts.ts';
import { urlEvent } from './url-event.ts';

const ref = { rolloutId: 'checkout--r1--1', epoch: 1, closed: 'spillway x', targets: [targetOf('api')] };
const object = { key: 'releases/checkout/r1/manifest.json', 'version-id': 'v' };
const { rolloutId: _, ...nameless } = ref;
const badRefs = [
  nameless,
  { ...ref, epoch: '1' },
  { ...ref, targets: undefined },
  { ...ref, targets: [{ ...targetOf('api'), canary: 2 }] },
  { ...ref, targets: [{ ...targetOf('api'), source: 'queue' }] },
];
const held = { ref, version: 3, token: 't' };
const frozen = { ...ref, deadline: 1, armedAt: 1 };

const click = {
  ...{ team: 'T1', user: 'U1', button: 'abort', value: { rolloutId: 'x' }, reason: '', at: '1' },
  responseUrl: 'https://hooks.slack.com/actions/T1/1/x',
};
const asked = urlEvent('GET', '/health');
const { requestContext, ...contextless } = asked;
const badCalls = [
  contextless,
  { ...asked, rawPath: 7 },
  { ...asked, cookies: 'a=b' },
  { ...asked, requestContext: { ...requestContext, http: {} } },
  { ...asked, requestContext: { ...requestContext, authorizer: { iam: { userArn: 7 } } } },
];

/** What each function takes, and events that lack something or have it in the wrong form. */
const EVENTS: Record<FunctionName, { good: object; bad: object[] }> = {
  Decide: { good: ref, bad: badRefs },
  Measure: { good: ref, bad: badRefs },
  ShiftTraffic: { good: ref, bad: badRefs },
  PromoteCanary: { good: ref, bad: badRefs },
  CloseRollout: { good: ref, bad: badRefs },
  ContinueAsNew: { good: ref, bad: badRefs },
  Hold: {
    good: held,
    bad: [ref, { ...held, token: undefined }, { ...held, version: '3' }, { ...held, ref: nameless }],
  },
  RunHook: {
    good: held,
    bad: [ref, { ...held, token: 1 }, { ...held, version: null }, { ...held, ref: {} }],
  },
  PublishRelease: {
    good: held,
    bad: [ref, { ...held, token: null }, { ...held, version: '1' }, { ...held, ref: nameless }],
  },
  ReadRollout: {
    good: { read: 'rollout', rolloutId: 'x' },
    bad: [
      { read: 'everything' },
      { read: 'rollout' },
      { read: 'service' },
      { read: 'events', rolloutId: 'x', after: -1 },
      { read: 'events', rolloutId: 'x', limit: 0 },
      { read: 'recent' },
      { read: 'recent', service: 'x', limit: 101 },
      { read: 'running', service: 'x' },
    ],
  },
  RevertTraffic: {
    good: { ref, came: {} },
    bad: [ref, { ref }, { ref: nameless, came: {} }, { ref, came: { Error: 1 } }],
  },
  Watchdog: {
    good: frozen,
    bad: [ref, { ...frozen, deadline: 'soon' }, { ...frozen, targets: [] as never, epoch: null }],
  },
  Notify: {
    good: { wake: { rolloutId: 'x' } },
    bad: [
      {},
      { wake: {} },
      { wake: { rolloutId: 1 } },
      { source: 'spillway', detail: {} },
      { source: 'aws.s3', detail: { rolloutId: 'x' } },
      { source: 'aws.states', detail: { status: 'FAILED' } },
      { acknowledge: { rolloutId: 'x', by: 'ada' } },
      { wake: { rolloutId: 'x', died: { name: 'x-1' } } },
    ],
  },
  OpenRollout: {
    good: { detail: { bucket: { name: 'releases' }, object } },
    bad: [
      { detail: {} },
      { detail: { bucket: { name: 'releases' }, object: { key: object.key } } },
      { detail: { bucket: 'releases', object } },
      { Records: [{ s3: { object } }] },
    ],
  },
  AlarmEvent: {
    good: { detail: { alarmName: 'a', state: { value: 'OK', timestamp: '2026-01-05T09:00:00.000+0000' } } },
    bad: [
      { detail: { alarmName: 'a' } },
      { detail: { alarmName: 'a', state: 'ALARM' } },
      { detail: { state: { value: 'ALARM', timestamp: 'now' } } },
    ],
  },
  ApiIam: { good: asked, bad: badCalls },
  ApiPublic: { good: asked, bad: badCalls },
  Beacon: { good: asked, bad: badCalls },
  SlackAction: {
    good: { signed: 'x' },
    bad: [click, {}, { signed: 7 }],
  },
  JournalStream: {
    good: { records: [] },
    bad: [{}, { records: [{ rolloutId: 'x' }] }, { records: { rolloutId: 'x' } }],
  },
  Transitions: {
    good: { events: [] },
    bad: [
      {},
      { events: [{ rolloutId: 'x', n: 1 }] },
      { events: [{ rolloutId: 'x', n: '1', sequence: 's' }] },
    ],
  },
  Abort: {
    good: { command: 'abort', rolloutId: 'x', by: 'ada', reason: 'why' },
    bad: [
      { command: 'pause', rolloutId: 'x', by: 'ada', reason: 'why' },
      { command: 'abort', rolloutId: 'x', reason: 'why' },
      { command: 'abort', rolloutId: 'x', by: '', reason: 'why' },
      { command: 'abort', rolloutId: 'x', by: 'ada', reason: 'why', force: true },
      { rolloutId: 'x', by: 'ada', reason: 'why' },
      { signed: 7 },
    ],
  },
  Command: {
    good: { command: 'pause', rolloutId: 'x', by: 'ada', reason: 'lunch' },
    bad: [
      { command: 'explode', rolloutId: 'x', by: 'ada' },
      { command: 'pause', rolloutId: 'x', by: 'ada' },
      { command: 'abort', rolloutId: 'x', reason: 'why' },
      { command: 'abort', rolloutId: 'x', by: '', reason: 'why' },
      { command: 'resume', rolloutId: 'x', by: 'ada', force: true },
      { command: 'promote', rolloutId: 'x', by: 'ada', step: 1.5 },
      { command: 'promote', rolloutId: 'x', by: 'ada', full: 'yes' },
      { command: 'approve', rolloutId: 'x', by: 'ada' },
      { command: 'answer', rolloutId: 'x', by: 'ci', hook: 'h', status: 'broken', reason: '' },
      { command: 'answer', rolloutId: 'x', by: 'ci', hook: 'h', status: 'pass', reason: 'x'.repeat(1001) },
      { command: 'rollback', rolloutId: 'x', by: 'ada' },
      { command: 'retry', rolloutId: 'x' },
      { command: 'acknowledge', rolloutId: 'x' },
      { command: 'acknowledge', rolloutId: 'x', by: 'ada', page: 'x'.repeat(201) },
    ],
  },
};

const untouched = controllerFunctions(() => {
  throw new Error('The ports were asked for.');
});

describe.each(FUNCTIONS)('%s', (name) => {
  const { good, bad } = EVENTS[name];

  test.each([null, undefined, 'text', 7, [], {}, ...bad].map((event) => [JSON.stringify(event), event]))(
    'refuses %s before it touches anything',
    async (_text, event) => {
      const error = await untouched[name](event).catch((thrown: unknown) => thrown);
      expect(RolloutError.is(error, 'EventInvalid'), String(error)).toBe(true);
      expect((error as Error).message).toMatch(/^The event is not what this function takes;.*\nevent[.:]/);
    },
  );

  test('takes its own event, also with more in it than it knows', async () => {
    const event =
      takesCommands(name) || name === 'ReadRollout'
        ? good
        : { ...good, version: '0', account: '111122223333', more: { and: 'more' } };
    const taken = ['Hold', 'PublishRelease', 'RunHook'].includes(name) ? good : event;
    await expect(untouched[name](taken)).rejects.toThrow('The ports were asked for.');
  });
});

test('what is wrong with an event is said in full', async () => {
  const told = 'event.rolloutId: Invalid input: expected string, received number';
  await expect(untouched.ReadRollout({ read: 'rollout', rolloutId: 7 })).rejects.toThrow(told);
});

test('a function makes its ports once, at its first good event', async () => {
  let made = 0;
  const unknown = new RolloutError('RolloutUnknown', 'no such rollout');
  const functions = controllerFunctions(() => {
    made += 1;
    return { journal: { read: () => Promise.reject(unknown) } } as unknown as Ports;
  });
  await expect(functions.Decide({})).rejects.toMatchObject({ name: 'EventInvalid' });
  expect(made).toBe(0);
  for (let times = 0; times < 3; times++) await expect(functions.Decide(ref)).rejects.toBe(unknown);
  expect(made).toBe(1);
});
