import { describe, expect, test } from 'vitest';
import { executionInput } from '../../../controller/execution.ts';
import type { Ports } from '../../../controller/ports.ts';
import { openRollout } from '../../../functions/open-rollout.ts';
import { revertTraffic } from '../../../functions/revert-traffic.ts';
import { ALIAS } from '../../../local/account.ts';
import { FUNCTION, SERVICE } from '../../../simulation/scenario.ts';
import { atOnce } from '../../contract/cases.ts';
import { closedEvent, openedEvent, targetOf } from '../../contract/rollouts.ts';
import { actor } from '../../core/rollout/given.ts';
import { eventFor, FIRST, type Stage, setUp, unreachable, withJournal } from '../set-up.ts';

const KEY = `releases/${SERVICE}/r1/manifest.json`;
const SECOND = `${SERVICE}--r2--1`;
const THIRD = `${SERVICE}--r3--1`;

describe('a manifest', () => {
  test('opens a rollout: the watchdog is armed, the target claimed, and the execution started', async () => {
    const stage = setUp();
    expect(await stage.call(openRollout, await stage.upload())).toEqual({
      rolloutId: FIRST,
      result: 'opened',
      reason: 'opened',
    });
    const rollout = await stage.rollout();
    expect(rollout.opening.targets).toMatchObject([{ name: 'api', stable: '1', canary: '2' }]);
    expect(stage.started).toEqual([executionInput(rollout)]);
    expect(stage.standing()).toEqual({ primary: '1', weights: {}, token: `spillway ${FIRST} 1 0 open` });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toMatchObject({
      ...executionInput(rollout),
      deadline: rollout.opening.deadline,
    });
  });

  test('whose event comes twice changes nothing the second time', async () => {
    const stage = setUp();
    const event = await stage.upload();
    await stage.call(openRollout, event);
    const before = [await stage.rollout(), stage.standing(), stage.started];
    expect(await stage.call(openRollout, event)).toMatchObject({ rolloutId: FIRST, result: 'opened' });
    expect([await stage.rollout(), stage.standing(), stage.started]).toEqual(before);
  });

  test('whose event comes ten times at once opens one rollout', async () => {
    const stage = setUp();
    const event = await stage.upload();
    const answers = await atOnce(10, () => stage.call(openRollout, event));
    expect(answers.map(({ result }) => result)).toEqual(answers.map(() => 'opened'));
    expect(await stage.history()).toEqual(['RolloutOpened']);
    expect(stage.started).toHaveLength(1);
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 0 open`);
  });

  test('whose event comes again after the end is answered with the outcome, and starts nothing', async () => {
    const stage = setUp();
    const event = await stage.upload();
    await stage.call(openRollout, event);
    const [ref] = stage.started;
    await stage.call(revertTraffic, { ref, came: { Error: 'Boom', Cause: 'a bug' } });
    const before = [await stage.history(), stage.standing()];
    expect(await stage.call(openRollout, event)).toMatchObject({
      result: 'refused',
      reason: expect.stringContaining('Boom'),
    });
    expect([await stage.history(), stage.standing()]).toEqual(before);
    expect(stage.started).toHaveLength(1);
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
  });

  test('that replaces another one under the same key is refused: a release is what it was', async () => {
    const stage = setUp();
    await stage.open();
    const before = [await stage.rollout(), stage.standing(), stage.started];
    const event = await stage.upload({ release: 'r1', order: 2 });
    expect(await stage.call(openRollout, event)).toMatchObject({
      rolloutId: FIRST,
      result: 'refused',
      reason: expect.stringMatching(/already tried.*under way.*new release id/),
    });
    expect([await stage.rollout(), stage.standing(), stage.started]).toEqual(before);
  });

  test('of another environment on the same table is refused, with what is wrong, and disturbs nothing', async () => {
    const stage = setUp();
    await stage.open();
    const before = [await stage.rollout(), stage.standing()];
    const event = await stage.upload({ release: 'r1', manifest: { environment: 'staging' } });
    const started = stage.started.length;
    expect(await stage.call(openRollout, event, { ...stage.ports, environment: 'staging' })).toEqual({
      rolloutId: FIRST,
      result: 'refused',
      reason: `${FIRST} is in the journal already, of environment production: two environments write one table; give each controller a table of its own`,
    });
    expect([await stage.rollout(), stage.standing()]).toEqual(before);
    expect(stage.started).toHaveLength(started);
  });

  test('that races another one under the same key leaves the watchdog armed with the one that won', async () => {
    const stage = setUp();
    const events = [
      await stage.upload({ release: 'r1', order: 1 }),
      await stage.upload({ release: 'r1', order: 2 }),
    ];
    await Promise.all(events.map((event) => stage.call(openRollout, event)));
    const { targets } = executionInput(await stage.rollout());
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toMatchObject({ targets });
  });

  test.each([
    'releases/checkout-api/r1/artifacts/manifest.json',
    'releases/checkout-api/manifest.json',
    'releases/Checkout/r1/manifest.json',
    'releases/checkout-api/r1/manifest.json.bak',
    'releases/checkout-api/../r1/manifest.json',
  ])('at %s is none, and ignored with the form that it would need', async (key) => {
    const stage = setUp();
    expect(await stage.call(openRollout, eventFor(key))).toEqual({
      rolloutId: '',
      result: 'ignored',
      reason: `${key} is not releases/<service>/<release>/manifest.json`,
    });
  });

  test('of a version that this controller completed and that serves completes without an execution', async () => {
    const stage = setUp();
    const target = { ...targetOf('api'), stable: '0', canary: '1' };
    const { journal } = stage.ports;
    const before = await journal.open([
      openedEvent({ service: SERVICE, release: 'r0', order: 0, targets: [target] }),
    ]);
    if ('rollout' in before) await journal.append(before.rollout, [closedEvent()]);
    const event = await stage.upload({ manifest: { targets: { api: { version: '1' } } } });
    expect(await stage.call(openRollout, event)).toEqual({
      rolloutId: FIRST,
      result: 'completed',
      reason: 'already serving: api is at version 1',
    });
    expect(await stage.history()).toEqual(['RolloutDeclined']);
    await expectUntouched(stage);
  });

  test('of a version that serves because of something else claims the alias and starts an execution', async () => {
    const stage = setUp();
    const event = await stage.upload({ manifest: { targets: { api: { version: '1' } } } });
    expect(await stage.call(openRollout, event)).toMatchObject({ rolloutId: FIRST, result: 'opened' });
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 0 open`);
    expect(stage.started).toHaveLength(1);
  });

  test('records an alarm that is red before, and says that it does not count', async () => {
    const stage = setUp({ rollout: { alarms: ['orders-too-low'] } });
    await alarm(stage, 'orders-too-low', 'ALARM');
    await stage.open();
    const { opening, redAlarms } = await stage.rollout();
    expect(opening.alarms).toEqual([{ name: 'orders-too-low', red: true }]);
    expect(redAlarms).toEqual(['orders-too-low']);
    expect(opening.notices.join()).toContain('orders-too-low was red before');
  });
});

type Bad = {
  what: string;
  says: RegExp;
  changes?: Parameters<Stage['upload']>[0];
  body?: string | Uint8Array;
};

const plan = (rollout: Record<string, unknown>) => ({ rollout });
const bad: Bad[] = [
  {
    what: 'a gate that asks a group which no settings name',
    changes: { rollout: { gates: [{ before: 50, from: ['leads'] }] } },
    says: /nobody could approve the gate before 50 %, since "leads" in `from` is not a group: the settings of this environment name none/,
  },
  {
    what: 'a gate that excludes the author of a release without one',
    changes: { rollout: { gates: [{ before: 50, notAuthor: true }] } },
    says: /author is missing: a gate of the rollout file does not count the author/,
  },
  {
    what: 'JSON that breaks off',
    body: '{"schema": 1,\n  "service" }',
    says: /line 2, column 13: ":" is expected/,
  },
  {
    what: 'bytes that are no UTF-8',
    body: Uint8Array.of(0x7b, 0xff, 0x7d),
    says: /not UTF-8 text: save it as UTF-8/,
  },
  { what: 'ten megabytes', body: ' '.repeat(10_000_000), says: /has 10000000 bytes.*1000000/ },
  { what: 'a key __proto__', body: '{"__proto__": {"order": 1}}', says: /__proto__ is refused as a key/ },
  {
    what: 'an unknown key',
    changes: { manifest: { ordr: 1 } },
    says: /ordr is not a known key: did you mean `order`/,
  },
  {
    what: 'an unknown key in its rollout file',
    changes: plan({ onInconclusve: 'pause' }),
    says: /rollout\.onInconclusve.*did you mean `onInconclusive`/,
  },
  {
    what: 'another environment',
    changes: { manifest: { environment: 'staging' } },
    says: /environment is "staging": this controller serves `production`/,
  },
  {
    what: 'another service than its path',
    changes: { manifest: { service: 'other' } },
    says: /service is "other": its path is that of `checkout-api`/,
  },
  {
    what: 'another release than its path',
    changes: { manifest: { release: 'r9' } },
    says: /release is "r9": its path is that of `r1`/,
  },
  {
    what: 'weights out of order',
    changes: plan({
      steps: [
        { weight: 50, bake: '3m' },
        { weight: 10, bake: '3m' },
      ],
    }),
    says: /steps\[1\]\.weight is 10/,
  },
  {
    what: 'a weight twice',
    changes: plan({
      steps: [
        { weight: 10, bake: '3m' },
        { weight: 10, bake: '3m' },
      ],
    }),
    says: /steps\[1\]\.weight is 10/,
  },
  {
    what: 'a weight over 100',
    changes: plan({ steps: [{ weight: 101, bake: '3m' }] }),
    says: /steps\[0\]\.weight is 101/,
  },
  {
    what: 'a weight of 0',
    changes: plan({ steps: [{ weight: 0, bake: '3m' }] }),
    says: /steps\[0\]\.weight is 0/,
  },
  {
    what: 'a bake of 0',
    changes: plan({ steps: [{ weight: 10, bake: '0s' }] }),
    says: /steps\[0\]\.bake is "0s"/,
  },
  {
    what: 'a bake of 400 days',
    changes: plan({ steps: [{ weight: 10, bake: '400d' }] }),
    says: /steps\[0\]\.bake is "400d"/,
  },
  {
    what: 'an unknown strategy',
    changes: plan({ steps: undefined, strategy: 'Canary10Percent5Minute' }),
    says: /rollout\.strategy is "Canary10Percent5Minute".*write `canary: { weight: 10, bake: 5m }`/,
  },
  {
    what: 'the version $LATEST',
    changes: { manifest: { targets: { api: { version: '$LATEST' } } } },
    says: /targets\.api\.version is "\$LATEST".*publish a version/,
  },
  {
    what: 'the alias $LATEST',
    changes: plan({ targets: { api: { lambda: FUNCTION, alias: '$LATEST' } } }),
    says: /rollout\.targets\.api\.alias is "\$LATEST".*name of an alias/,
  },
  {
    what: 'a target without a version',
    changes: { manifest: { targets: {} } },
    says: /targets\.api.*write its `version`/,
  },
  {
    what: 'a function that does not exist',
    changes: plan({ targets: { api: { lambda: 'checkout-prod-Apo', alias: ALIAS } } }),
    says: /targets\.api: there is no function checkout-prod-Apo.*check lambda/,
  },
  {
    what: 'an alias that does not exist',
    changes: plan({ targets: { api: { lambda: FUNCTION, alias: 'prod' } } }),
    says: /targets\.api: .*no alias prod; create it/,
  },
  {
    what: 'a version that does not exist',
    changes: { manifest: { targets: { api: { version: '77' } } } },
    says: /targets\.api: .*no version 77; publish it/,
  },
  {
    what: 'a function of another service',
    changes: plan({ targets: { api: { lambda: 'foreign', alias: ALIAS } } }),
    says: /targets\.api: .*spillway:service=billing.*spillway:service=checkout-api is needed/,
  },
  {
    what: 'an alarm that does not exist',
    changes: plan({ alarms: ['orders-to-low'] }),
    says: /alarms: there is no alarm "orders-to-low".*create it or take it out/,
  },
];

describe('a bad release is refused with the field and the fix, and the journal says so', () => {
  test.each(bad)('$what', async ({ body, changes, says }) => {
    const stage = setUp();
    const { helpers } = stage.scenario.lambda;
    helpers.createFunction({ name: 'foreign', tags: { 'spillway:service': 'billing' } });
    for (let version = 1; version <= 2; version++) helpers.publishCounted('foreign');
    helpers.createAlias('foreign', ALIAS, '1');
    const event = body === undefined ? await stage.upload(changes) : await stage.uploadBody(KEY, body);
    const answer = await stage.call(openRollout, event);
    expect(answer).toEqual({ rolloutId: FIRST, result: 'refused', reason: expect.stringMatching(says) });
    expect(await stage.rollout()).toMatchObject({
      outcome: 'refused',
      reason: answer.reason,
      opening: { targets: [] },
    });
    expect(await stage.history()).toEqual(['RolloutDeclined']);
    await expectUntouched(stage);
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'refused', reason: answer.reason });
  });

  test('a manifest that is gone when it is read', async () => {
    const stage = setUp();
    const answer = await stage.call(openRollout, eventFor(KEY, 'gone'));
    expect(answer).toMatchObject({
      result: 'refused',
      reason: expect.stringMatching(/version gone.*upload it again/),
    });
    expect(await stage.rollout()).toMatchObject({ outcome: 'refused' });
  });

  test('a release older than the one that serves', async () => {
    const stage = setUp();
    await complete(stage, await stage.open({ order: 5 }));
    const event = await stage.upload({ release: 'r2', order: 4 });
    expect(await stage.call(openRollout, event)).toMatchObject({
      result: 'refused',
      reason: expect.stringMatching(
        /order: release r2 has order 4, but r1, which is serving, has 5.*"allowOlder": true/,
      ),
    });
    expect(await stage.rollout(SECOND)).toMatchObject({ outcome: 'refused' });
  });

  test('unless it says that it is meant to be older', async () => {
    const stage = setUp();
    await complete(stage, await stage.open({ order: 5 }));
    const event = await stage.upload({ release: 'r2', order: 4, manifest: { allowOlder: true } });
    expect(await stage.call(openRollout, event)).toMatchObject({ rolloutId: SECOND, result: 'opened' });
  });

  test('a name that is too long for an id of a rollout: it has no place in the journal, so the answer alone says it', async () => {
    const stage = setUp();
    const release = 'r'.repeat(50);
    const event = await stage.upload({ release });
    expect(await stage.call(openRollout, event)).toEqual({
      rolloutId: '',
      result: 'refused',
      reason: expect.stringMatching(/at most 60.*Shorten the name of the release/),
    });
    await expectUntouched(stage);
  });
});

describe('a world that cannot be asked', () => {
  const ways: [string, (ports: Ports) => Ports][] = [
    ['the releases', (ports) => ({ ...ports, releases: { ...ports.releases, read: unreachable } })],
    ['the alarms', (ports) => ({ ...ports, alarms: { read: unreachable } })],
    ['the metrics', (ports) => ({ ...ports, metrics: { ...ports.metrics, read: unreachable } })],
    ['the journal', (ports) => withJournal(ports, { read: unreachable })],
  ];
  test.each(ways)('is no refusal: %s', async (_what, change) => {
    const stage = setUp();
    const event = await stage.upload();
    await expect(stage.call(openRollout, event, change(stage.ports))).rejects.toMatchObject({
      name: 'Unavailable',
    });
    expect(await stage.ports.journal.read(FIRST)).toBeUndefined();
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'opened' });
  });
});

describe('a manifest during a rollout', () => {
  test('waits while the target is being moved, and is opened after it', async () => {
    const stage = setUp();
    await stage.openRaised();
    expect(await stage.call(openRollout, await stage.upload())).toEqual({
      rolloutId: SECOND,
      result: 'waiting',
      reason: `${FIRST} is under way`,
    });
  });

  test('waits while the target is only claimed', async () => {
    const stage = setUp();
    await stage.open();
    expect(await stage.call(openRollout, await stage.upload())).toMatchObject({
      rolloutId: SECOND,
      result: 'waiting',
    });
  });

  test('waits for the lock, and disturbs nothing of what is under way', async () => {
    const stage = setUp();
    await openUnclaimed(stage);
    const event = await stage.upload();
    expect(await stage.call(openRollout, event)).toEqual({
      rolloutId: SECOND,
      result: 'waiting',
      reason: `${FIRST} is under way`,
    });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toMatchObject({ release: 'r2', order: 2 });
    expect(await stage.ports.journal.read(SECOND)).toBeUndefined();
    expect(await stage.history()).toEqual(['RolloutOpened']);
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'waiting' });
    expect(stage.started).toEqual([]);
  });

  test('gives way to a newer one, and the journal says so', async () => {
    const stage = setUp();
    await openUnclaimed(stage);
    await stage.call(openRollout, await stage.upload());
    expect(await stage.call(openRollout, await stage.upload())).toMatchObject({
      rolloutId: THIRD,
      result: 'waiting',
    });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toMatchObject({ release: 'r3', order: 3 });
    expect(await stage.rollout(SECOND)).toMatchObject({
      outcome: 'superseded',
      reason: 'r3 was uploaded while it waited',
      opening: { release: 'r2', manifest: { key: `releases/${SERVICE}/r2/manifest.json` } },
    });
  });

  test('is refused if it is older than the one that is under way, instead of waiting for it', async () => {
    const stage = setUp();
    await stage.openRaised({ order: 5 });
    expect(await stage.call(openRollout, await stage.upload({ order: 4 }))).toMatchObject({
      result: 'refused',
      reason: expect.stringMatching(/release r2 has order 4, but r1.* has 5/),
    });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toBeUndefined();
  });

  test('is refused where it is older than the one that waits', async () => {
    const stage = setUp();
    await openUnclaimed(stage);
    await stage.call(openRollout, await stage.upload({ order: 9 }));
    expect(await stage.call(openRollout, await stage.upload({ order: 8 }))).toMatchObject({
      result: 'refused',
      reason: expect.stringMatching(/r2, which is waiting, has 9/),
    });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toMatchObject({ release: 'r2' });
  });

  test('is refused at once where it is bad, and does not wait for that', async () => {
    const stage = setUp();
    await openUnclaimed(stage);
    const event = await stage.upload({ rollout: { alarms: ['nobody-made-it'] } });
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'refused' });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toBeUndefined();
  });

  test('opens at once where the lock went while it was being put in the queue', async () => {
    const stage = setUp();
    await openUnclaimed(stage);
    const event = await stage.upload();
    const { journal } = stage.ports;
    const ports = withJournal(stage.ports, {
      wait: async (service, waiting) => {
        const answer = await journal.wait(service, waiting);
        await end(stage);
        return answer;
      },
    });
    expect(await stage.call(openRollout, event, ports)).toMatchObject({
      rolloutId: SECOND,
      result: 'opened',
    });
    expect((await journal.service(SERVICE)).waiting).toBeUndefined();
    expect(stage.started).toMatchObject([{ rolloutId: SECOND }]);
  });
});

describe('a rollout of the same service that ends while another is opened', () => {
  /** The same versions under another name, once the canary of the first is out and before the journal knows. */
  async function again() {
    const stage = setUp();
    const { targets, ...by } = await stage.openRaised();
    for (const target of targets) await stage.clock.run(stage.ports.router(target.kind).revert(target, by));
    const event = await stage.upload({ manifest: { targets: { api: { version: '2' } } } });
    return { stage, event };
  }

  /** Somebody writes between the look at the service and the opening, the first so many times. */
  function meanwhile(stage: Stage, act: () => Promise<unknown>, times = 1): Ports {
    let left = times;
    const { journal } = stage.ports;
    return withJournal(stage.ports, {
      async service(name) {
        const record = await journal.service(name);
        if (left-- > 0) await act();
        return record;
      },
    });
  }

  test('and goes into quarantine, keeps the same versions out', async () => {
    const { stage, event } = await again();
    const ports = meanwhile(stage, async () => {
      const at = stage.clock.now();
      await stage.ports.journal.append(await stage.rollout(), [
        { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
        { type: 'RolloutClosed', at, outcome: 'reverted', reason: 'ada aborted: odd' },
      ]);
    });
    expect(await stage.call(openRollout, event, ports)).toMatchObject({
      rolloutId: SECOND,
      result: 'refused',
      reason: expect.stringContaining(`which was reverted as ${FIRST} (ada aborted: odd)`),
    });
    expect(await stage.history(SECOND)).toEqual(['RolloutDeclined']);
    expect(stage.started).toHaveLength(1);
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 2 closed`);
  });

  test('for no fault of its own, lets it be opened on what stands there now', async () => {
    const { stage, event } = await again();
    expect(
      await stage.call(
        openRollout,
        event,
        meanwhile(stage, () => end(stage)),
      ),
    ).toMatchObject({
      rolloutId: SECOND,
      result: 'opened',
    });
    expect(await stage.history(SECOND)).toEqual(['RolloutOpened']);
    expect(stage.standing().token).toBe(`spillway ${SECOND} 1 0 open`);
  });

  test('again and again, leaves it to the next delivery of the event', async () => {
    const { stage, event } = await again();
    await end(stage);
    const others = () => stage.ports.journal.lift(SERVICE, 'nobody');
    await expect(stage.call(openRollout, event, meanwhile(stage, others, 3))).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(SECOND),
    });
    expect(await stage.ports.journal.read(SECOND)).toBeUndefined();
    expect(await stage.call(openRollout, event, meanwhile(stage, others, 2))).toMatchObject({
      rolloutId: SECOND,
      result: 'opened',
    });
  });
});

describe('an opening that is handed over', () => {
  test('of a service for which nothing waits opens nothing', async () => {
    const stage = setUp();
    expect(await stage.call(openRollout, { open: 'waiting', service: SERVICE })).toEqual({
      rolloutId: '',
      result: 'ignored',
      reason: `no release of ${SERVICE} waits`,
    });
  });

  test('opens what waits when it comes, and once, however often it comes', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(openRollout, await stage.upload());
    await stage.call(revertTraffic, { ref, came: {} });
    const waiting = { open: 'waiting', service: SERVICE };
    const second = `${SERVICE}--r2--1`;
    expect(await stage.call(openRollout, waiting)).toMatchObject({ rolloutId: second, result: 'opened' });
    expect(await stage.call(openRollout, waiting)).toMatchObject({ result: 'ignored' });
    expect(stage.started.filter(({ rolloutId }) => rolloutId === second)).toHaveLength(1);
  });

  test.each([
    ['retry', { open: 'retry', rolloutId: FIRST }],
    ['rollback', { open: 'rollback', rolloutId: FIRST, by: actor('ada'), reason: 'odd' }],
  ])('as a %s of what nobody knows is refused by its id', async (_what, handed) => {
    await expect(setUp().call(openRollout, handed)).rejects.toMatchObject({
      name: 'RolloutUnknown',
      message: expect.stringContaining(FIRST),
    });
  });

  test.each([
    ['of another kind', { open: 'manifest', bucket: 'b', key: 'k', versionId: 'v' }],
    ['that names a manifest of its own', { open: 'waiting', service: SERVICE, manifest: {} }],
    ['that is an event as well', { ...(eventFor('k') as object), open: 'waiting', service: SERVICE }],
    ['of no rollout', { open: 'retry' }],
    ['that is nothing', {}],
  ])('%s is not taken', async (_what, handed) => {
    await expect(setUp().call(openRollout, handed)).rejects.toMatchObject({ name: 'EventInvalid' });
  });
});

describe('a crash while a rollout is opened', () => {
  type Calls = 'arm' | 'open' | 'claim' | 'start';
  const points = (['arm', 'open', 'claim', 'start'] as const).flatMap((at) =>
    (['before', 'after'] as const).map((when) => ({ at, when })),
  );
  test.each(points)(
    '$when it comes to $at leaves what the next event finishes: one rollout',
    async ({ at, when }) => {
      const stage = setUp();
      const event = await stage.upload();
      await expect(stage.call(openRollout, event, crashing(stage.ports, at, when))).rejects.toThrow(
        'The function died.',
      );
      expect(await stage.call(openRollout, event)).toMatchObject({ rolloutId: FIRST, result: 'opened' });
      expect(await stage.history()).toEqual(['RolloutOpened']);
      const rollout = await stage.rollout();
      expect(stage.started).toEqual([executionInput(rollout)]);
      expect(stage.standing()).toEqual({ primary: '1', weights: {}, token: `spillway ${FIRST} 1 0 open` });
      expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toMatchObject(
        executionInput(rollout),
      );
    },
  );

  test.each(points)(
    '$when it comes to $at never leaves a rollout without a watchdog',
    async ({ at, when }) => {
      const stage = setUp();
      const crashed = stage.call(openRollout, await stage.upload(), crashing(stage.ports, at, when));
      await expect(crashed).rejects.toThrow('The function died.');
      const isOpen = (await stage.ports.journal.read(FIRST)) !== undefined;
      const isArmed = (await stage.clock.run(stage.ports.watchdog.frozen(FIRST))) !== undefined;
      expect(isArmed || !isOpen).toBe(true);
      expect(isOpen).toBe(!(at === 'arm' || (at === 'open' && when === 'before')));
    },
  );

  function crashing(ports: Ports, at: Calls, when: 'before' | 'after'): Ports {
    const dying =
      <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> => {
        if (when === 'after') await call(...args);
        throw new Error('The function died.');
      };
    const router = ports.router('lambda-alias');
    return {
      ...ports,
      ...(at === 'arm' ? { watchdog: { ...ports.watchdog, arm: dying(ports.watchdog.arm) } } : {}),
      ...(at === 'open' ? { journal: { ...ports.journal, open: dying(ports.journal.open) } } : {}),
      ...(at === 'claim' ? { router: () => ({ ...router, claim: dying(router.claim) }) } : {}),
      ...(at === 'start'
        ? { executions: { ...ports.executions, start: dying(ports.executions.start) } }
        : {}),
    };
  }
});

/** A rollout that has its lock but has not claimed its target yet: its function died in between. */
async function openUnclaimed(stage: Stage): Promise<void> {
  const router = { ...stage.ports.router('lambda-alias'), claim: unreachable };
  const opening = stage.call(openRollout, await stage.upload(), { ...stage.ports, router: () => router });
  await expect(opening).rejects.toThrow('could not be reached');
}

async function end(stage: Stage): Promise<void> {
  const rollout = await stage.rollout();
  const at = stage.clock.now();
  await stage.ports.journal.append(rollout, [
    { type: 'RolloutClosed', at, outcome: 'reverted', reason: 'over' },
  ]);
}

/** Writes a completion down, and lets the target look like it. */
async function complete(stage: Stage, { rolloutId }: { rolloutId: string }): Promise<void> {
  const at = stage.clock.now();
  await stage.ports.journal.append(await stage.rollout(rolloutId), [
    { type: 'RolloutClosed', at, outcome: 'completed', reason: 'proven' },
  ]);
  await stage.meddle({ FunctionVersion: '2', Description: `spillway ${rolloutId} 1 1 closed` });
}

async function alarm({ scenario }: Stage, AlarmName: string, StateValue: 'OK' | 'ALARM'): Promise<void> {
  const { operations } = scenario.cloudwatch;
  const watch = {
    Namespace: 'Shop',
    MetricName: 'Orders',
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
  };
  const input = { AlarmName, ...watch, Threshold: 1, ComparisonOperator: 'LessThanThreshold' };
  await operations.PutMetricAlarmCommand?.(input as never);
  await operations.SetAlarmStateCommand?.({ AlarmName, StateValue, StateReason: 'by hand' } as never);
}

/** No watchdog, no execution, and the alias as it was. */
async function expectUntouched(stage: Stage): Promise<void> {
  expect(stage.started).toEqual([]);
  expect(stage.standing()).toEqual({ primary: '1', weights: {}, token: '' });
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
  expect(await stage.ports.journal.running()).toEqual([]);
}
