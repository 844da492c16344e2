import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Hook, HookPoint, RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Handler } from '../../functions/_lambda.ts';
import type { FunctionName } from '../../infra/facts.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import {
  createScenario,
  ROLLOUT,
  type Scenario,
  type ScenarioOptions,
  SERVICE,
} from '../../simulation/scenario.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const HOOK_FUNCTION = 'checkout-hook';
const ID = `${SERVICE}--r1--1`;
const ON_STABLE = { primary: '1', weights: {} };
const ON_CANARY = { primary: '2', weights: {} };

interface Question {
  hook: string;
  idempotencyKey: string;
  step: number;
  weight: number;
  callback: { command: string; rolloutId: string; hook: string; by: string };
}

interface Asked extends Question {
  at: number;
  /** The canary's share when the question came. */
  share: number;
}

/** Answers the n-th question (from 1) for one occurrence. */
type Answers = (question: Question, nth: number) => unknown;

interface Stage extends Scenario {
  clock: VirtualClock;
  asked: Asked[];
  history: RolloutEvent[];
  /** Names of the questions, in order. */
  hooks(): string[];
  /** Resolves when an event that matches has been written. */
  saw(matches: (event: RolloutEvent) => boolean): Promise<void>;
  order(command: string, more?: object): Promise<unknown>;
  /** Answers by callback. */
  call(status: string, hook: string, reason?: string): Promise<unknown>;
}

const pass = { status: 'pass', reason: 'all is well' };
const pending = { status: 'pending' };

function hook(point: HookPoint, more: Partial<Hook> = {}): Hook {
  return {
    id: `${point}.1`,
    point,
    kind: 'lambda',
    target: 'api',
    spec: { functionName: HOOK_FUNCTION },
    timeoutSeconds: 600,
    onBroken: 'revert',
    ...more,
  };
}

function stageWith(options: Partial<ScenarioOptions>, answers: Answers = () => pass): Stage {
  const clock = virtualClock();
  const scenario = createScenario({ seed: 1, ...options, clock });
  const asked: Asked[] = [];
  const history: RolloutEvent[] = [];
  const listeners: ((event: RolloutEvent) => void)[] = [];
  scenario.follow((record) => {
    history.push(...record.events);
    for (const event of record.events) for (const listener of listeners) listener(event);
  });
  const { helpers } = scenario.lambda;
  helpers.createFunction({ name: HOOK_FUNCTION, tags: { 'spillway:service': SERVICE }, timeout: 900 });
  helpers.deployModel(HOOK_FUNCTION, (event) => {
    const question = event as Question;
    const { primary, weights } = scenario.alias();
    asked.push({ ...question, at: clock.now(), share: primary === '2' ? 100 : (weights['2'] ?? 0) });
    return answers(question, asked.filter(({ hook }) => hook === question.hook).length);
  });
  const order: Stage['order'] = (command, more) =>
    scenario.invoke('Command', { command, rolloutId: ID, by: 'ada', ...more });
  return {
    ...scenario,
    clock,
    asked,
    history,
    hooks: () => asked.map((question) => question.hook),
    saw: (matches) =>
      new Promise((resolve) => {
        listeners.push((event) => matches(event) && resolve());
      }),
    order,
    call: (status, name, reason = 'called back') => order('answer', { hook: name, status, reason }),
  };
}

/** Releases, lets `act` play along, and answers the rollout as it ended. */
async function played(
  stage: Stage,
  act: (stage: Stage) => Promise<unknown> = async () => {},
): Promise<Rollout> {
  await stage.clock.advance(10 * MINUTE);
  const acted = act(stage);
  const ended = stage.release().then((id) => stage.ended(id));
  const [rollout] = await stage.clock.run(Promise.all([ended, acted]), 72 * HOUR);
  await stage.clock.advance(5 * MINUTE);
  return rollout;
}

const count = (stage: Stage, type: RolloutEvent['type']) =>
  stage.history.filter((event) => event.type === type).length;

const POINTS = ['beforeTraffic', 'beforeStep', 'afterStep', 'beforePromotion', 'afterPromotion'] as const;

describe('every point of the lifecycle', () => {
  test('is asked about once, in order with the traffic, and told where the traffic stands', async () => {
    const stage = stageWith({ hooks: [...POINTS, 'onRevert' as const].map((point) => hook(point)) });
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('completed');
    expect(stage.asked.map(({ hook, step, weight, share }) => [hook, step, weight, share])).toEqual([
      ['beforeTraffic.1', -1, 0, 0],
      ['beforeStep.1@0', -1, 0, 0],
      ['afterStep.1@0', 0, 10, 10],
      ['beforeStep.1@1', 0, 10, 10],
      ['afterStep.1@1', 1, 50, 50],
      ['beforePromotion.1', 1, 50, 50],
      ['afterPromotion.1', 3, 100, 100],
    ]);
    expect(new Set(stage.asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(7);
  });

  test.each([
    ['beforeTraffic.1', 'refused'],
    ['beforeStep.1@0', 'refused'],
    ['afterStep.1@0', 'reverted'],
    ['beforeStep.1@1', 'reverted'],
    ['beforePromotion.1', 'reverted'],
    ['afterPromotion.1', 'reverted'],
  ])('where %s answers fail, the release is %s', async (name, outcome) => {
    const stage = stageWith(
      { hooks: [...POINTS, 'onRevert' as const].map((point) => hook(point)) },
      ({ hook }) => (hook === name ? { status: 'fail', reason: 'the shop is shut' } : pass),
    );
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome, reason: 'the shop is shut', leaving: { cause: 'canary' } });
    expect(stage.alias()).toEqual(ON_STABLE);
    expect(stage.hooks().slice(-2)).toEqual([name, 'onRevert.1']);
  });

  test('has no step after the last one, while several targets are promoted one after the other', async () => {
    const stage = stageWith({ hooks: [hook('afterStep')] });
    const { helpers } = stage.lambda;
    const worker = 'checkout-prod-Worker';
    helpers.createFunction({ name: worker, tags: { 'spillway:service': SERVICE } });
    helpers.createAlias(worker, ALIAS, helpers.publishCounted(worker));
    helpers.publishCounted(worker);
    await stage.clock.advance(MINUTE);
    const id = await stage.clock.run(
      stage.release({
        manifest: { targets: { api: { version: '2' }, worker: { version: '2' } } },
        rollout: { targets: { ...ROLLOUT.targets, worker: { lambda: worker, alias: ALIAS } } },
      }),
    );
    await stage.clock.run(stage.saw(({ type }) => type === 'Shifted'));
    await stage.clock.run(stage.order('promote', { full: true }));
    await stage.clock.run(
      stage.saw(
        ({ type, ...event }) => type === 'Promoted' && 'target' in event && event.target === 'worker',
      ),
      HOUR,
    );
    expect(stage.hooks()).toEqual(['afterStep.1@0']);
    await stage.clock.run(stage.order('abort', { reason: 'seen enough' }));
    await stage.clock.run(stage.ended(id), HOUR);
  });
});

describe('a hook that is broken', () => {
  test('twice and then passes lets the release go on; each try carries the same key and leaves it some time', async () => {
    const stage = stageWith({ hooks: [hook('beforeTraffic')] }, (_, nth) => (nth < 3 ? 'what?' : pass));
    expect((await played(stage)).outcome).toBe('completed');
    expect(stage.hooks()).toEqual(['beforeTraffic.1', 'beforeTraffic.1', 'beforeTraffic.1']);
    expect(new Set(stage.asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    const [first = 0, second = 0, third = 0] = stage.asked.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(10_000);
    expect(third - second).toBeGreaterThanOrEqual(10_000);
  });

  test('three times reverts the release where that is declared, and does not hold it against the release', async () => {
    const stage = stageWith({ hooks: [hook('afterStep')] }, () => 'what?');
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'environment' } });
    expect(rollout.reason).toContain('hook afterStep.1@0 could not be asked 3 times');
    expect(stage.asked).toHaveLength(3);
    expect((await stage.journal.service(SERVICE)).quarantined ?? []).toEqual([]);
  });

  test('three times pauses where that is declared; resume asks it again', async () => {
    const stage = stageWith({ hooks: [hook('afterStep', { onBroken: 'pause' })] }, ({ hook }, nth) =>
      hook === 'afterStep.1@0' && nth <= 3 ? 'what?' : pass,
    );
    const rollout = await played(stage, async ({ saw, order, clock }) => {
      await saw(({ type }) => type === 'Paused');
      await clock.sleep(5 * MINUTE);
      expect(stage.asked).toHaveLength(3);
      await order('resume');
    });
    expect(rollout.outcome).toBe('completed');
    expect(stage.hooks()).toEqual([...Array(4).fill('afterStep.1@0'), 'afterStep.1@1']);
  });

  test('three times pauses where that is declared; promote goes on without it', async () => {
    const stage = stageWith({ hooks: [hook('beforePromotion', { onBroken: 'pause' })] }, () => 'what?');
    const rollout = await played(stage, async ({ saw, order }) => {
      await saw(({ type }) => type === 'Paused');
      await order('promote');
    });
    expect(rollout.outcome).toBe('completed');
    expect(rollout.reason).toContain('unproven: ada promoted it');
    expect(stage.asked).toHaveLength(3);
  });

  test('three times is passed by where that is declared', async () => {
    const stage = stageWith({ hooks: [hook('afterStep', { onBroken: 'ignore' })] }, () => 'what?');
    expect((await played(stage)).outcome).toBe('completed');
    expect(stage.asked).toHaveLength(6);
  });
});

describe('a hook that cannot say', () => {
  const unsure: Answers = (_, nth) => (nth === 1 ? { status: 'inconclusive', reason: 'too early' } : pass);

  test('reverts the release where the plan says so', async () => {
    const stage = stageWith({ hooks: [hook('afterStep')], rollout: { onInconclusive: 'revert' } }, unsure);
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'environment' } });
    expect(rollout.reason).toContain('hook afterStep.1@0 could not say: too early');
  });

  test('lets the release go on, unproven, where the plan says so', async () => {
    const stage = stageWith({ hooks: [hook('afterStep')], rollout: { onInconclusive: 'promote' } }, unsure);
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('completed');
    expect(rollout.reason).toContain('unproven: hook afterStep.1@0 could not say: too early');
    expect(stage.hooks()).toEqual(['afterStep.1@0', 'afterStep.1@1']);
  });

  test.each(POINTS)('pauses the release at %s; resume asks it again', async (point) => {
    const stage = stageWith({ hooks: [hook(point)] }, unsure);
    const rollout = await played(stage, async ({ saw, order }) => {
      for (let pauses = 0; pauses < (point.endsWith('Step') ? 2 : 1); pauses++) {
        await saw(({ type }) => type === 'Paused');
        await order('resume');
      }
    });
    expect(rollout.outcome).toBe('completed');
    expect(stage.hooks().slice(0, 2)).toEqual(Array(2).fill(stage.hooks()[0]));
  });

  test.each(POINTS)('pauses the release at %s; promote goes on without asking again', async (point) => {
    const stage = stageWith({ hooks: [hook(point)] }, () => ({
      status: 'inconclusive',
      reason: 'too early',
    }));
    const rollout = await played(stage, async ({ saw, order }) => {
      for (let pauses = 0; pauses < (point.endsWith('Step') ? 2 : 1); pauses++) {
        await saw(({ type }) => type === 'Paused');
        await order('promote');
      }
    });
    expect(rollout.outcome).toBe('completed');
    expect(rollout.reason).toContain('unproven');
    expect(stage.asked).toHaveLength(point.endsWith('Step') ? 2 : 1);
  });
});

describe('a hook that answers later', () => {
  const isStarted = ({ type }: RolloutEvent) => type === 'HookStarted';

  test.each([
    ['pass', 'completed'],
    ['fail', 'refused'],
  ])(
    'by callback %s: the release is %s, and nobody takes the waiting rollout for dead',
    async (status, outcome) => {
      const stage = stageWith({ hooks: [hook('beforeTraffic', { timeoutSeconds: 3600 })] }, () => pending);
      const rollout = await played(stage, async ({ saw, call, clock }) => {
        await saw(isStarted);
        await clock.sleep(20 * MINUTE);
        await call(status, 'beforeTraffic.1');
      });
      expect(rollout).toMatchObject({ outcome, takeovers: 0, epoch: 1 });
      expect(stage.asked).toHaveLength(1);
    },
  );

  test('is measured every minute meanwhile where the canary has traffic', async () => {
    const stage = stageWith({ hooks: [hook('afterStep', { timeoutSeconds: 3600 })] }, ({ hook }) =>
      hook === 'afterStep.1@0' ? pending : pass,
    );
    let ticks = 0;
    const rollout = await played(stage, async ({ saw, call, clock }) => {
      await saw(isStarted);
      const before = count(stage, 'Measured');
      await clock.sleep(20 * MINUTE);
      ticks = count(stage, 'Measured') - before;
      await call('pass', 'afterStep.1@0');
    });
    expect(rollout).toMatchObject({ outcome: 'completed', takeovers: 0 });
    expect(ticks).toBeGreaterThanOrEqual(19);
    expect(ticks).toBeLessThanOrEqual(21);
  });

  test('does not keep a bad canary in traffic', async () => {
    let isBad = false;
    const stage = stageWith(
      {
        hooks: [hook('afterStep', { timeoutSeconds: 3600 })],
        canaries: { '2': { errors: () => (isBad ? 0.3 : 0.001) } },
      },
      () => {
        isBad = true;
        return pending;
      },
    );
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect((rollout.leaving?.at ?? 0) - (stage.asked[0]?.at ?? 0)).toBeLessThan(10 * MINUTE);
  });

  test('and never does is broken when its time is over', async () => {
    const stage = stageWith({ hooks: [hook('beforeTraffic', { timeoutSeconds: 600 })] }, () => pending);
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('refused');
    expect(rollout.reason).toContain('no answer came within 600 s');
    expect(stage.asked).toHaveLength(3);
    const [first = 0, second = 0] = stage.asked.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(600_000);
  });

  test('counts once: what is said after the first answer changes nothing', async () => {
    const stage = stageWith(
      { hooks: [hook('beforeTraffic')], rollout: { onInconclusive: 'promote' } },
      () => pending,
    );
    const rollout = await played(stage, async ({ saw, call, clock }) => {
      await saw(isStarted);
      await call('inconclusive', 'beforeTraffic.1');
      await clock.sleep(MINUTE);
      await call('fail', 'beforeTraffic.1');
      await call('pass', 'beforeTraffic.1');
    });
    expect(rollout.outcome).toBe('completed');
    expect(count(stage, 'HookAnswered')).toBe(1);
  });

  test('is heard although it calls back before its question has returned', async () => {
    const stage: Stage = stageWith({ hooks: [hook('beforeTraffic')] }, async () => {
      await stage.call('pass', 'beforeTraffic.1');
      return pending;
    });
    expect((await played(stage)).outcome).toBe('completed');
    expect(stage.asked).toHaveLength(1);
  });

  test('is refused where it was never asked', async () => {
    const stage = stageWith({ hooks: [hook('beforeTraffic'), hook('afterStep')] }, () => pending);
    await played(stage, async ({ saw, call, order }) => {
      await saw(isStarted);
      for (const name of ['afterStep.1@0', 'afterStep.1', 'beforeTraffic.2', 'toString', '']) {
        await expect(call('pass', name), name).rejects.toMatchObject({ code: 'CommandRefused' });
      }
      await order('abort', { reason: 'seen enough' });
    });
  });

  test('is refused while the rollout is paused before the question', async () => {
    const stage = stageWith({ hooks: [hook('afterStep')] });
    await played(stage, async ({ saw, call, order, clock }) => {
      await saw(({ type }) => type === 'Shifted');
      await order('pause', { reason: 'lunch' });
      await clock.sleep(10 * MINUTE);
      await expect(call('pass', 'afterStep.1@0')).rejects.toMatchObject({ code: 'CommandRefused' });
      await order('resume');
    });
    expect(stage.hooks()).toEqual(['afterStep.1@0', 'afterStep.1@1']);
  });

  test('is refused after the rollout has ended', async () => {
    const stage = stageWith({ hooks: [hook('beforeTraffic')] });
    await played(stage);
    await expect(stage.clock.run(stage.call('fail', 'beforeTraffic.1'))).rejects.toThrow(
      `${ID} has ended (completed)`,
    );
  });
});

describe('abort', () => {
  test.each(['beforeTraffic', 'afterStep'] as const)('acts at once while %s hangs', async (point) => {
    const stage = stageWith({ hooks: [hook(point)] }, () => new Promise(() => {}));
    let tookMs = Number.POSITIVE_INFINITY;
    const rollout = await played(stage, async ({ saw, order, clock, alias }) => {
      await saw(({ type }) => type === (point === 'afterStep' ? 'Shifted' : 'RolloutOpened'));
      while (stage.asked.length === 0) await clock.sleep(100);
      await clock.sleep(1_000);
      const before = clock.now();
      await order('abort', { reason: 'it hangs' });
      tookMs = clock.now() - before;
      expect(alias()).toEqual(ON_STABLE);
    });
    expect(tookMs).toBeLessThan(2_000);
    expect(rollout.leaving).toMatchObject({ cause: 'human' });
    expect(stage.asked).toHaveLength(1);
  });
});

describe('onRevert', () => {
  const throwing: Answers = () => {
    throw new Error('no');
  };
  test.each([
    ['fails', () => ({ status: 'fail', reason: 'no' })],
    ['throws', throwing],
    ['hangs', () => new Promise(() => {})],
    ['answers HTML', () => '<html>'],
  ])('is told once that the canary is out, and that it %s does not matter', async (_, onRevert) => {
    const stage = stageWith(
      { hooks: [hook('onRevert')], canaries: { '2': { errors: 0.5 } } },
      onRevert as Answers,
    );
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('reverted');
    expect(stage.asked.map(({ hook, share }) => [hook, share])).toEqual([['onRevert.1', 0]]);
    expect(stage.history.filter(({ type }) => type === 'RolloutClosed')).toHaveLength(1);
    expect(stage.alias()).toEqual(ON_STABLE);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('planted');
      },
    ],
    ['rejects', () => Promise.reject(new Error('planted'))],
    ['never returns', () => new Promise<never>(() => {})],
  ])('whose adapter %s does not hold up the end of the execution', async (_, ask) => {
    const tookMs: number[] = [];
    const stage: Stage = stageWith({
      hooks: [hook('onRevert')],
      canaries: { '2': { errors: 0.5 } },
      changePorts: (ports: Ports) => ({ ...ports, hooks: () => ({ ask }) }),
      around: timed(() => stage.clock, 'RevertTraffic', tookMs),
    });
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    // The function itself is ended after 10 s, and Step Functions would then take the last-resort revert.
    expect(tookMs).toHaveLength(1);
    expect(tookMs[0]).toBeLessThan(8_000);
    const execution = [...stage.stepFunctions.executions.values()].at(-1);
    expect(JSON.stringify(execution)).not.toContain('RevertDirectly');
    expect(JSON.stringify(execution)).not.toContain('could not be written');
  });

  test('is not told of a release that was completed, when its execution fails afterwards', async () => {
    const stage = stageWith({ hooks: [hook('onRevert')] });
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('completed');
    const ref = { rolloutId: ID, epoch: 1, closed: '', targets: rollout.opening.targets };
    await stage.clock.run(stage.invoke('RevertTraffic', { ref, came: { Error: 'Planted', Cause: 'late' } }));
    expect(stage.asked).toEqual([]);
    expect(stage.alias()).toEqual(ON_CANARY);
  });
});

describe('a question that is put twice', () => {
  test('carries the same key, and one answer counts', async () => {
    const twice = (name: FunctionName, event: unknown, call: Handler) =>
      name === 'RunHook' ? Promise.all([call(event), call(event)]) : call(event);
    const stage = stageWith({ hooks: [hook('beforeTraffic')], around: twice });
    expect((await played(stage)).outcome).toBe('completed');
    expect(stage.asked).toHaveLength(2);
    expect(new Set(stage.asked.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
      new Set([`${ID}/beforeTraffic.1`]),
    );
    expect(count(stage, 'HookAnswered')).toBe(1);
  });

  test('and answered first at once and then by callback counts once', async () => {
    const stage = stageWith({ hooks: [hook('beforeTraffic')] });
    const rollout = await played(stage, async ({ saw, call }) => {
      await saw(({ type }) => type === 'Shifted');
      await call('fail', 'beforeTraffic.1');
    });
    expect(rollout.outcome).toBe('completed');
    expect(count(stage, 'HookAnswered')).toBe(1);
  });
});

describe('an answer that is none', () => {
  const lambda: [string, Answers, string][] = [
    ['5 MB', () => ({ ...pass, data: 'x'.repeat(5 * 1024 * 1024) }), 'its answer is longer than 64 KB'],
    ['HTML', () => '<html><body>Bad gateway', 'its answer is not an object'],
    ['nothing', () => undefined, 'its answer is not an object with a status and a reason: "null"'],
    [
      'an error',
      () => {
        throw new Error('no such table');
      },
      'function checkout-hook failed: Error: no such table',
    ],
  ];
  test.each(lambda)('from a function (%s) is broken', async (_, answers, reason) => {
    const stage = stageWith({ hooks: [hook('beforeTraffic')] }, answers);
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'refused', leaving: { cause: 'environment' } });
    expect(rollout.reason).toContain(reason);
    expect(stage.asked).toHaveLength(3);
  });

  test('from a function after 20 minutes comes too late', async () => {
    const stage: Stage = stageWith({ hooks: [hook('beforeTraffic')] }, async () => {
      await stage.clock.sleep(20 * MINUTE);
      return pass;
    });
    const rollout = await played(stage);
    expect(rollout.reason).toContain('it did not answer within 8 s');
    expect(rollout.outcome).toBe('refused');
  });

  const web: [string, () => Response | Promise<Response>, string][] = [
    ['5 MB', () => new Response('x'.repeat(5 * 1024 * 1024)), 'its answer is longer than 64 KB'],
    ['HTML', () => new Response('<html>\n<body>'), 'its answer is not JSON: "<html> <body>"'],
    ['nothing', () => new Response(null, { status: 204 }), 'it answered with nothing'],
    ['status 503', () => new Response('{"status":"pass","reason":""}', { status: 503 }), 'HTTP status 503'],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: 'https://a.example/' } }),
      'HTTP status 302',
    ],
    ['silence', () => new Promise(() => {}), 'it did not answer within 8 s'],
  ];
  test.each(web)('from a web server (%s) is broken', async (_, server, reason) => {
    const spec = { url: 'https://hooks.example/ask' };
    const stage = stageWith({
      hooks: [hook('beforeTraffic', { kind: 'http', spec })],
      web: { 'hooks.example': server },
    });
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'refused', leaving: { cause: 'environment' } });
    expect(rollout.reason).toContain(reason);
  });
});

describe('a web server', () => {
  test('that passes lets the release through', async () => {
    const seen: unknown[] = [];
    const stage = stageWith({
      hooks: [hook('afterPromotion', { kind: 'http', spec: { url: 'https://hooks.example/ask' } })],
      web: {
        'hooks.example': async (request) => {
          seen.push(await request.json());
          return Response.json(pass);
        },
      },
    });
    expect((await played(stage)).outcome).toBe('completed');
    expect(seen).toMatchObject([
      { service: SERVICE, stable: '1', canary: '2', hook: 'afterPromotion.1', weight: 100 },
    ]);
  });
});

test('a hook that can never be asked refuses the release at its opening', async () => {
  const refusing = () =>
    Promise.reject(new RolloutError('OpeningRefused', 'hooks.smoke.1: it is gone; call it back.'));
  const stage = stageWith({
    rollout: { smoke: [{ get: '/', expect: { status: 200 } }] },
    changePorts: (ports: Ports) => ({ ...ports, hookCheck: () => refusing }),
  });
  const rollout = await played(stage);
  expect(rollout).toMatchObject({
    outcome: 'refused',
    reason: 'hooks.smoke.1: it is gone; call it back.',
    version: 1,
  });
});

function timed(clock: () => VirtualClock, watched: FunctionName, tookMs: number[]) {
  return async (name: FunctionName, event: unknown, call: Handler): Promise<unknown> => {
    const began = clock().now();
    const result = await call(event);
    if (name === watched) tookMs.push(clock().now() - began);
    return result;
  };
}
