import { DeleteFunctionCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import type { ServiceRecord, TrafficRouter } from '../../core/ports.ts';
import type { FunctionName } from '../../infra/facts.ts';
import { ALIAS } from '../../local/account.ts';
import { crashes, journalOutage, type Point, serviceDown } from '../../simulation/faults.ts';
import { record } from '../../simulation/recording.ts';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { sampled } from '../deep.ts';
import { journals, routers } from './planted.ts';
import { broken, faults, HOUR, MINUTE, type Plot, type Stage, staged } from './stage.ts';

const WORKER = 'checkout-prod-worker';
const TWO = {
  targets: { api: { lambda: FUNCTION, alias: ALIAS }, worker: { lambda: WORKER, alias: ALIAS } },
};
const LIMITS = { tickMs: 20 * MINUTE, outMs: 20 * MINUTE, skewMs: 0 };

/** A stage on which releases r1 (version 1 -> 2), r2 (2 -> 3) and so on have completed, and what a test needs to go back. */
async function completed(plot: Plot = {}, releases = 1, targets: 1 | 2 = 1) {
  const stage = staged({ ...plot, ...(targets === 2 ? { rollout: TWO } : {}) });
  const { helpers } = stage.lambda;
  if (targets === 2) {
    helpers.createFunction({ name: WORKER, tags: { 'spillway:service': SERVICE } });
    helpers.createAlias(WORKER, ALIAS, helpers.publishCounted(WORKER));
    stage.addTraffic({ functionName: WORKER, requestsPerSecond: 20, errorRate: () => 0.001 });
  }
  const recording = record(stage);
  const run = <T>(work: Promise<T>) => stage.clock.run(work, 24 * HOUR);
  await stage.clock.advance(20 * MINUTE);
  let id = '';
  const release = async (more: Parameters<Stage['release']>[0] = {}) => {
    const manifest =
      targets === 2
        ? {
            targets: {
              api: { version: helpers.publishCounted(FUNCTION) },
              worker: { version: helpers.publishCounted(WORKER) },
            },
          }
        : {};
    id = await run(stage.release({ manifest, ...more }));
    await run(stage.ended(id));
    await stage.clock.advance(5 * MINUTE);
    return id;
  };
  for (let n = 0; n < releases; n++) await release();
  return {
    stage,
    run,
    release,
    id,
    hand: (change: object, FunctionName = FUNCTION) =>
      stage.clients.lambda.send(new UpdateAliasCommand({ FunctionName, Name: ALIAS, ...change })),
    /** Deletes a version, and by hand the alias that pins it. */
    remove(Qualifier: string, FunctionName = FUNCTION) {
      helpers.removeAlias(FunctionName, pinNameOf(ALIAS));
      return run(stage.clients.lambda.send(new DeleteFunctionCommand({ FunctionName, Qualifier })));
    },
    /** What a cleanup job does: deletes a version that no alias names. */
    prune: (Qualifier: string, FunctionName = FUNCTION) =>
      run(stage.clients.lambda.send(new DeleteFunctionCommand({ FunctionName, Qualifier }))),
    pin: (FunctionName = FUNCTION) => {
      try {
        return helpers.routing(FunctionName, pinNameOf(ALIAS)).primary;
      } catch {
        return undefined;
      }
    },
    rollback: (rolloutId: string) =>
      stage.invoke('Command', {
        command: 'rollback',
        rolloutId,
        by: 'ada',
        reason: 'orders are lost',
      }) as Promise<{
        rolloutId: string;
      }>,
    record: (): Promise<ServiceRecord> => run(stage.journal.service(SERVICE)),
    served: (name = FUNCTION) => {
      const { primary, weights } = helpers.routing(name, ALIAS);
      return { primary, weights };
    },
    async finish() {
      // What has happened is still to be announced.
      await stage.clock.advance(MINUTE);
      return run(recording.finish());
    },
  };
}

const rollout = (world: Awaited<ReturnType<typeof completed>>, rolloutId: string) =>
  world.run(world.stage.journal.read(rolloutId));

test('a rollback is one write to the version that served before', async () => {
  const world = await completed();
  const { rolloutId } = await world.run(world.rollback(world.id));
  const before = world.stage.clock.now();
  await world.run(world.stage.ended(rolloutId));
  expect(world.stage.clock.now() - before).toBeLessThan(3_000);
  expect(world.served()).toEqual({ primary: '1', weights: {} });
  expect(await rollout(world, rolloutId)).toMatchObject({ outcome: 'completed' });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test.each<[string, object]>([
  ['put back by hand already', { FunctionVersion: '1' }],
  [
    'given a share of the older version by hand',
    { RoutingConfig: { AdditionalVersionWeights: { '1': 0.4 } } },
  ],
  [
    'put back by hand but for a share',
    { FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { '2': 0.4 } } },
  ],
  ['robbed of its token', { Description: '' }],
  ['given a description of its own', { Description: 'managed by another tool' }],
])('a rollback of what was %s ends on the older version', async (_what, change) => {
  const world = await completed();
  await world.run(world.hand(change));
  const { rolloutId } = await world.run(world.rollback(world.id));
  await world.stage.clock.advance(30 * MINUTE);
  expect(world.served()).toEqual({ primary: '1', weights: {} });
  expect(await rollout(world, rolloutId)).toMatchObject({ outcome: 'completed' });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test.each([['1'], ['2']])(
  'of two targets one was moved to version %s by hand, and both end on the older version',
  async (by) => {
    for (const name of [FUNCTION, WORKER]) {
      const world = await completed({}, 1, 2);
      await world.run(world.hand({ FunctionVersion: by }, name));
      await world.run(world.rollback(world.id));
      await world.stage.clock.advance(30 * MINUTE);
      expect([world.served().primary, world.served(WORKER).primary]).toEqual(['1', '1']);
      expect(faults(await world.finish(), LIMITS)).toEqual([]);
    }
  },
);

/** Calls of a rollback after which something happens. */
const TWELVE = Array.from({ length: 12 }, (_, at) => at + 1);

test.each<[string, object]>([
  ['back to the older version', { FunctionVersion: '1' }],
  [
    'to the version that is to leave',
    { FunctionVersion: '2', RoutingConfig: { AdditionalVersionWeights: {} } },
  ],
  [
    'to a share of the version that is to leave',
    { FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { '2': 0.5 } } },
  ],
  ['nowhere, but for its description', { Description: '' }],
])('somebody moves the alias %s between any two calls of a rollback', async (_what, change) => {
  for (const nth of sampled(TWELVE, 12)) {
    let calls = 0;
    let isOn = false;
    let world: Awaited<ReturnType<typeof completed>> | undefined;
    world = await completed({
      async intercept(_command, _input, call) {
        const answer = await call();
        if (isOn && ++calls === nth) {
          isOn = false;
          await world?.hand(change).catch(() => {});
        }
        return answer;
      },
    });
    isOn = true;
    const { rolloutId } = await world.run(world.rollback(world.id));
    await world.stage.clock.advance(30 * MINUTE);
    const head = await rollout(world, rolloutId);
    const end = `${nth}: ${head?.outcome} ${head?.reason}`;
    expect(head?.outcome, end).toBeDefined();
    if (head?.outcome === 'completed') expect(faults(await world.finish(), LIMITS), end).toEqual([]);
  }
});

/** Where a function was when it died, at every call of every function that a rollback takes. */
async function pointsOfARollback(): Promise<Point[]> {
  const points: Point[] = [];
  let isOn = false;
  const world = await completed(
    crashes((point) => {
      if (isOn) points.push(point);
      return false;
    }),
  );
  isOn = true;
  await world.run(world.rollback(world.id));
  await world.stage.clock.advance(10 * MINUTE);
  return points;
}

test('a function that dies at any point of a rollback leaves nothing on the version that was to leave', {
  timeout: 120_000,
}, async () => {
  const points = await pointsOfARollback();
  expect(points.length).toBeGreaterThan(20);
  for (const at of sampled(points, 37)) {
    let isOn = false;
    let isDead = false;
    const world = await completed(
      crashes(({ fn, op, phase, nth }) => {
        const isHit = isOn && !isDead && fn === at.fn && op === at.op && phase === at.phase && nth === at.nth;
        isDead ||= isHit;
        return isHit;
      }),
    );
    isOn = true;
    const answer = await world.run(world.rollback(world.id).catch((error: Error) => error));
    await world.stage.clock.advance(30 * MINUTE);
    const what = `${at.fn} ${at.phase} ${at.op} no. ${at.nth}: ${JSON.stringify(answer)}`;
    expect(isDead, what).toBe(true);
    const running = await world.run(world.stage.journal.running());
    expect(running, what).toEqual([]);
    // Who was told that it failed may have to order it again; who was told that it is under way may not.
    if (!(answer instanceof Error)) expect(world.served().primary, what).toBe('1');
    const { completed: now } = await world.record();
    expect(now?.targets?.[0]?.version, what).toBe(world.served().primary);
    expect(faults(await world.finish(), LIMITS), what).toEqual([]);
  }
});

const CALLED: FunctionName[] = ['Decide', 'RevertTraffic', 'Watchdog', 'CloseRollout'];

test.each<[string, (isOn: () => boolean) => Plot]>([
  ['the journal', (isOn) => ({ changePorts: journalOutage(isOn) })],
  [
    'every function',
    (isOn) => ({
      around: (fn, event, call) =>
        isOn() && CALLED.includes(fn) ? Promise.reject(serviceDown()) : call(event),
    }),
  ],
])('%s is away from any call of a rollback on, for half an hour', async (_what, plot) => {
  for (let nth = 1; nth <= 12; nth++) {
    let calls = Number.NEGATIVE_INFINITY;
    let isOver = false;
    const isOn = () => calls >= nth && !isOver;
    const world = await completed({
      ...plot(isOn),
      async intercept(_command, _input, call) {
        const answer = await call();
        calls += 1;
        return answer;
      },
    });
    calls = 0;
    const answer = await world.run(world.rollback(world.id).catch((error: Error) => error));
    await world.stage.clock.advance(30 * MINUTE);
    isOver = true;
    await world.stage.clock.advance(60 * MINUTE);
    const running = await world.run(world.stage.journal.running());
    expect(running, `${nth}`).toEqual([]);
    if (!(answer instanceof Error)) expect(world.served().primary, `${nth}`).toBe('1');
  }
});

test('a second rollback goes to the next older release that was good, and a third to the one before', async () => {
  const world = await completed({}, 2);
  const [first, second] = [world.id, 'checkout-api--r1--2'];
  expect(await world.run(world.rollback(first))).toMatchObject({ rolloutId: second });
  await world.run(world.stage.ended(second));
  expect(world.served().primary).toBe('2');
  const { rolloutId: third } = await world.run(world.rollback(second));
  await world.run(world.stage.ended(third));
  expect(world.served().primary).toBe('1');
  const { completed: now, quarantined } = await world.record();
  expect(now?.rolloutId).toBe(third);
  expect(quarantined?.map(({ release }) => release)).toEqual(['r2', 'r1']);
  await expect(world.run(world.rollback(third))).rejects.toThrow(/no good release served before it/);
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('what was rolled back serves again by a retry, and then goes back to the same release once more', async () => {
  const world = await completed({}, 2);
  const { rolloutId: back } = await world.run(world.rollback(world.id));
  await world.run(world.stage.ended(back));
  const retry = (rolloutId: string) =>
    world.stage.invoke('Command', { command: 'retry', rolloutId, by: 'ada' }) as Promise<{
      rolloutId: string;
    }>;
  const { rolloutId: again } = await world.run(retry(world.id));
  expect(await world.run(world.stage.ended(again))).toMatchObject({ outcome: 'completed' });
  expect(world.served().primary).toBe('3');
  const { rolloutId: third } = await world.run(world.rollback(again));
  await world.run(world.stage.ended(third));
  expect(world.served().primary).toBe('2');
  // A retry of the older release, which then was rolled back itself, is of its own manifest.
  const { rolloutId: fourth } = await world.run(world.rollback(third));
  await world.run(world.stage.ended(fourth));
  const { rolloutId: fifth } = await world.run(retry('checkout-api--r1--1'));
  expect(fifth).toBe('checkout-api--r1--4');
  await world.run(world.stage.ended(fifth));
  expect(world.served().primary).toBe('2');
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('a rollback passes over a release whose version does not exist any more, and says so', async () => {
  const world = await completed({}, 2);
  await world.remove('2');
  const { rolloutId } = await world.run(world.rollback(world.id));
  await world.run(world.stage.ended(rolloutId));
  expect(rolloutId).toBe('checkout-api--before-r1--1');
  expect(world.served().primary).toBe('1');
  expect((await rollout(world, rolloutId))?.opening.notices).toContain(
    'r1 was passed over: it needs version 2 of api, which does not exist any more',
  );
});

test('a rollback passes over a release whose version is Failed, and says if the one it goes to is Inactive', async () => {
  const world = await completed({}, 2);
  world.stage.lambda.helpers.setState(FUNCTION, '2', 'Failed');
  world.stage.lambda.helpers.setState(FUNCTION, '1', 'Inactive');
  const { rolloutId } = await world.run(world.rollback(world.id));
  await world.run(world.stage.ended(rolloutId));
  expect(world.served().primary).toBe('1');
  expect((await rollout(world, rolloutId))?.opening.notices).toEqual(
    expect.arrayContaining([
      'r1 was passed over: it needs version 2 of api, which exists but cannot serve',
      expect.stringMatching(/^version 1 of api is Inactive: requests to it fail until Lambda/),
    ]),
  );
});

test('a rollback to nothing but versions that are gone is refused, and nothing is opened', async () => {
  const world = await completed({}, 2);
  await world.remove('1');
  await world.remove('2');
  await expect(world.run(world.rollback(world.id))).rejects.toThrow(
    /cannot be rolled back: r1 needs version 2 of api.*before-r1 needs version 1 of api.*nothing was changed/,
  );
  expect(await world.run(world.stage.journal.running())).toEqual([]);
  expect(world.served().primary).toBe('3');
});

test('a version that is deleted after the rollback was accepted ends it halted, with the truth', async () => {
  let world: Awaited<ReturnType<typeof completed>> | undefined;
  let isOn = false;
  world = await completed({
    async intercept(command, _input, call) {
      if (isOn && command === 'UpdateAliasCommand') {
        isOn = false;
        await world?.stage.lambda.operations.DeleteFunctionCommand({
          FunctionName: FUNCTION,
          Qualifier: '1',
        });
      }
      return call();
    },
  });
  isOn = true;
  const { rolloutId } = await world.run(world.rollback(world.id));
  await world.stage.clock.advance(30 * MINUTE);
  expect(await rollout(world, rolloutId)).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 1 of api does not exist any more, so version 2 still serves'),
  });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test.each([100, 700, 1_000])(
  'reads that lag %d ms behind stop no release and undo no rollback',
  async (lag) => {
    const world = await completed({}, 0);
    world.stage.lambda.helpers.lagReads(lag);
    const first = await world.release();
    expect(await rollout(world, first)).toMatchObject({ outcome: 'completed' });
    const { rolloutId } = await world.run(world.rollback(first));
    expect(await world.run(world.stage.ended(rolloutId))).toMatchObject({ outcome: 'completed' });
    expect(world.served()).toEqual({ primary: '1', weights: {} });
    const second = await world.run(world.stage.release());
    const order = world.stage.event(
      (event, { opening }) => event.type === 'Promoted' && opening.rolloutId === second,
    );
    await world.run(order);
    await world.run(
      world.stage.invoke('Command', { command: 'abort', rolloutId: second, by: 'ada', reason: 'odd' }),
    );
    expect(await world.run(world.stage.ended(second))).toMatchObject({ outcome: 'reverted' });
    expect(world.served()).toEqual({ primary: '1', weights: {} });
    expect(faults(await world.finish(), LIMITS)).toEqual([]);
  },
);

test('two pipelines that release, roll back and retry at once leave one version, which is what the service remembers', async () => {
  const world = await completed({}, 2);
  const order = (command: string, rolloutId: string) =>
    world.stage
      .invoke('Command', {
        command,
        rolloutId,
        by: 'a pipeline',
        ...(command === 'retry' ? {} : { reason: 'red' }),
      })
      .catch((error: Error) => error);
  await world.run(
    Promise.all([
      order('rollback', 'checkout-api--r2--1'),
      world.stage.release(),
      order('retry', 'checkout-api--r2--1'),
      order('rollback', 'checkout-api--r2--1'),
      order('retry', 'checkout-api--r1--1'),
    ]),
  );
  await world.stage.clock.advance(2 * HOUR);
  expect(await world.run(world.stage.journal.running())).toEqual([]);
  const { completed: now } = await world.record();
  expect(world.served()).toEqual({ primary: now?.targets?.[0]?.version, weights: {} });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

const swapped = (router: TrafficRouter): Partial<TrafficRouter> => ({
  revert: async (target, by) => {
    const { stable: canary, canary: stable } = target;
    const found = await router.revert({ ...target, stable, canary }, by);
    return { ...found, primary: target.stable };
  },
});

test('a bug: a rollback that leads to the version that was to leave, and says otherwise', async () => {
  const world = await completed({ changePorts: (ports) => routers(ports, swapped) });
  await world.run(world.rollback(world.id));
  await world.stage.clock.advance(30 * MINUTE);
  expect(broken(await world.finish(), LIMITS)).toContain('goingBackArrives');
});

test('an abort whose stable version was deleted is refused with the truth, blames nobody, and changes nothing', async () => {
  const world = await completed({ rollout: { verify: '20m' } }, 0);
  const first = await world.run(world.stage.release());
  const promoted = world.stage.saw('Promoted');
  await world.run(promoted);
  await world.stage.clock.advance(MINUTE);
  await world.remove('1');
  const abort = () =>
    world.stage.invoke('Command', { command: 'abort', rolloutId: first, by: 'ada', reason: 'odd' });
  await expect(world.run(abort())).rejects.toThrow(
    /cannot be reverted: version 1 of api does not exist any more, so version 2 still serves/,
  );
  expect(world.served()).toEqual({ primary: '2', weights: {} });
  expect((await rollout(world, first))?.leaving).toBeUndefined();
  await world.stage.clock.advance(HOUR);
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

/** An abort after the stable version was deleted, at a moment at which Lambda does not answer. */
async function unansweredAbort(minutes: number, changePorts?: Plot['changePorts']) {
  let isOut = false;
  const intercept: Plot['intercept'] = (command, _input, call) =>
    isOut && /Alias/.test(command) ? Promise.reject(serviceDown()) : call();
  const world = await completed({ rollout: { verify: '20m' }, intercept, changePorts }, 0);
  const first = await world.run(world.stage.release());
  await world.run(world.stage.saw('Promoted'));
  await world.remove('1');
  await world.stage.clock.advance(minutes * MINUTE);
  isOut = true;
  const order = { command: 'abort', rolloutId: first, by: 'ada', reason: 'odd' };
  const answer = world.run(world.stage.invoke('Command', order)).finally(() => (isOut = false));
  return { world, first, answer };
}

test('an abort that Lambda does not answer is refused if the journal knows that stable was deleted', async () => {
  const { world, first, answer } = await unansweredAbort(3);
  await expect(answer).rejects.toThrow(/cannot be reverted: version 1 of api does not exist any more/);
  expect(world.served()).toEqual({ primary: '2', weights: {} });
  expect((await rollout(world, first))?.leaving).toBeUndefined();
  await world.stage.clock.advance(HOUR);
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('an abort that Lambda does not answer pages a person if nobody had seen yet that stable was deleted', async () => {
  const { world, first, answer } = await unansweredAbort(0);
  expect(await answer).toMatchObject({ accepted: true });
  expect(await world.run(world.stage.ended(first))).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 1 of api does not exist any more, so version 2 still serves'),
  });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('a bug: an abort is accepted although the journal knows that nothing can follow', async () => {
  const { world, first, answer } = await unansweredAbort(3, (ports) =>
    journals(ports, (journal) => ({
      read: async (id) => {
        const read = await journal.read(id);
        return read && { ...read, gone: undefined };
      },
    })),
  );
  await answer;
  await world.run(world.stage.ended(first));
  expect(broken(await world.finish(), LIMITS)).toContain('abortActs');
});

test('an abort beside a foreign version that got a share puts stable back, leaves that share, and ends halted in words', async () => {
  const world = await completed({ rollout: { verify: '20m' } }, 0);
  const first = await world.run(world.stage.release());
  await world.run(world.stage.saw('Promoted'));
  world.stage.lambda.helpers.publishCounted(FUNCTION);
  await world.run(world.hand({ RoutingConfig: { AdditionalVersionWeights: { '3': 0.2 } } }));
  const order = { command: 'abort', rolloutId: first, by: 'ada', reason: 'odd' };
  await world.run(world.stage.invoke('Command', order));
  const head = await world.run(world.stage.ended(first));
  expect(world.served()).toEqual({ primary: '1', weights: { '3': 20 } });
  expect(head).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 3 keeps 20 % of api, which this rollout did not put there'),
  });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('a rollback beside a foreign version that got a share leads to the older version, and ends halted in words', async () => {
  const world = await completed();
  world.stage.lambda.helpers.publishCounted(FUNCTION);
  await world.run(world.hand({ RoutingConfig: { AdditionalVersionWeights: { '3': 0.2 } } }));
  const { rolloutId } = await world.run(world.rollback(world.id));
  const head = await world.run(world.stage.ended(rolloutId));
  expect(world.served()).toEqual({ primary: '1', weights: { '3': 20 } });
  expect(head).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 3 keeps 20 % of api, which this rollout did not put there'),
  });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('an abort of two targets of which one has lost its stable version reverts the other, says both, and ends halted', async () => {
  const world = await completed({ rollout: { ...TWO, verify: '20m' } }, 0, 2);
  const promoted = world.stage.event((event) => event.type === 'Promoted' && event.target === 'worker');
  const { helpers } = world.stage.lambda;
  const versions = { api: helpers.publishCounted(FUNCTION), worker: helpers.publishCounted(WORKER) };
  const first = await world.run(
    world.stage.release({
      manifest: { targets: { api: { version: versions.api }, worker: { version: versions.worker } } },
      rollout: { ...TWO, verify: '20m' },
    }),
  );
  await world.run(promoted);
  await world.stage.clock.advance(MINUTE);
  await world.remove('1', WORKER);
  const order = { command: 'abort', rolloutId: first, by: 'ada', reason: 'odd' };
  await expect(world.run(world.stage.invoke('Command', order))).rejects.toThrow(
    /was reverted only in part: api serves version 1 again; but version 1 of worker does not exist any more, so version 2 still serves/,
  );
  expect(world.served()).toEqual({ primary: '1', weights: {} });
  expect(world.served(WORKER)).toEqual({ primary: '2', weights: {} });
  const head = await world.run(world.stage.ended(first));
  expect(head).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 1 of worker does not exist any more'),
  });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('a bad verdict after stable was deleted ends halted, with the truth', async () => {
  let isBad = false;
  const world = await completed(
    { rollout: { verify: '20m' }, canaries: { 2: { errors: () => (isBad ? 0.5 : 0.001) } } },
    0,
  );
  const first = await world.run(world.stage.release());
  await world.run(world.stage.saw('Promoted'));
  await world.remove('1');
  isBad = true;
  const head = await world.run(world.stage.ended(first));
  expect(head).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 1 of api does not exist any more, so version 2 still serves'),
  });
  expect(head.reason).not.toContain('somebody else');
  await world.stage.clock.advance(10 * MINUTE);
  expect(world.stage.stepFunctions.executions.at(-1)).toMatchObject({ status: 'FAILED', error: 'halted' });
  expect(faults(await world.finish(), LIMITS)).toEqual([]);
});

test('a canary that was deleted before its first raise ends its rollout in words', async () => {
  const world = await completed({ hooks: [] }, 0);
  const opened = world.stage.saw('RolloutOpened');
  const first = await world.run(world.stage.release());
  await world.run(opened);
  await world.remove('2');
  const head = await world.run(world.stage.ended(first));
  expect(head).toMatchObject({
    outcome: expect.stringMatching(/refused|reverted/),
    reason: expect.stringMatching(/^version 2 of api does not exist any more.*publish the code again/),
  });
  expect(head.reason).not.toContain('{');
  expect(world.served()).toEqual({ primary: '1', weights: {} });
  expect((await world.record()).quarantined ?? []).toEqual([]);
});
