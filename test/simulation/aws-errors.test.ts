import { readFileSync } from 'node:fs';
import type { UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { sampled } from '../deep.ts';
import { DIED, REFUSED, readDefinition, timeOf } from '../statemachines/rules.ts';
import { writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, type Stage } from './stage.ts';

const named = (name: string) => Object.assign(new Error('An error of AWS'), { name });

const { States } = readDefinition();

/** The states that call a function, but for the revert path and what stands in for Measure; each is named like its function. */
const FUNCTIONS = Object.entries(States)
  .filter(([name, { Type }]) => Type === 'Task' && name !== 'RevertTraffic' && name !== 'Unmeasured')
  .map(([name]) => name);

/** Errors with which AWS ends a call of a function that is not at fault; the last one stands for those that are not known yet. */
const ONCE = [...REFUSED, ...DIED, 'Lambda.SomethingNewException'];

const zipOf = (text: string) => zipSync({ 'index.mjs': new TextEncoder().encode(text) });

/** A good release that passes through every state: it is published, asked about, raised, promoted and closed. */
const EVERY_STATE: Plot = {
  tags: { 'spillway:mode': 'zip' },
  code: zipOf('export const handler = () => 1;'),
  release: { zip: zipOf('export const handler = () => 2;') },
  rollout: {
    steps: [{ weight: 50, bake: '2m' }],
    verify: '1m',
    gates: [{ before: 50, timeout: '5m', onTimeout: 'promote' }],
  },
  warmMinutes: 3,
  hours: 2,
  isDirect: true,
};

describe('one error of AWS in a function of the controller', () => {
  test.each(FUNCTIONS)(
    '%s: reverts no good release, whichever it is',
    async (fn) => {
      // Functions that follow each other try others of them, so that even a sample has each.
      for (const name of sampled(ONCE, 48, FUNCTIONS.indexOf(fn))) {
        for (const phase of ['before', 'after']) {
          // The end of a hold is no error.
          if (fn === 'Hold' && name === 'States.Timeout') continue;
          let calls = 0;
          const { rollout, run } = await play({
            ...EVERY_STATE,
            around: async (called, event, call) => {
              const isHit = called === fn && ++calls === 1;
              if (isHit && phase === 'before') throw named(name);
              const answer = await call(event);
              if (isHit) throw named(name);
              return answer;
            },
          });
          expect(calls, `${fn} is called`).toBeGreaterThan(0);
          expect([rollout?.outcome, rollout?.reason], `${name}, ${phase}`).toEqual([
            'completed',
            expect.anything(),
          ]);
          expect(faults(run, { tickMs: 3 * MINUTE })).toEqual([]);
        }
      }
    },
    120_000,
  );
});

describe('a hold that is woken while its function still runs', () => {
  test.each([
    ['at once', 0],
    ['at once', 20_000],
    ['after the call', 0],
    ['after the call', 9_000],
    ['after the call', 20_000],
  ] as const)('goes on safely if tokens count %s and the function takes %i ms more', async (tokens, ms) => {
    let stage: Stage | undefined;
    let holds = 0;
    const { rollout, run } = await play({
      ...{ tokens, rollout: { steps: [{ weight: 10, bake: '3m' }], verify: '1m' }, warmMinutes: 5, hours: 2 },
      before: (on) => {
        stage = on;
      },
      around: async (fn, event, call) => {
        const answer = await call(event);
        if (fn !== 'Hold' || ms === 0 || ++holds % 2 === 0) return answer;
        await stage?.clock.sleep(Math.min(ms, 10_000));
        if (ms > 10_000) throw named('Sandbox.Timedout');
        return answer;
      },
      // Each of them wakes holds while they are being made.
      act: async (on) => {
        await on.saw('Measured', 1);
        await on.order('pause').catch(() => {});
        await on.order('resume').catch(() => {});
        await on.saw('Measured', 2);
        await on.order('pause').catch(() => {});
        await on.order('resume').catch(() => {});
      },
    });
    expect([rollout?.outcome, rollout?.reason]).toEqual(['completed', expect.anything()]);
    expect(faults(run, { tickMs: 3 * MINUTE })).toEqual([]);
  });

  test.each(['at once', 'after the call'] as const)(
    'and an abort is obeyed within two seconds: tokens count %s',
    async (tokens) => {
      const { rollout, stage, run } = await play({
        ...{ tokens, hours: 2, warmMinutes: 5 },
        around: async (fn, event, call) => {
          const answer = await call(event);
          if (fn === 'Hold') throw named('Runtime.ExitError');
          return answer;
        },
        act: async (on) => {
          await on.saw('Shifted');
          await on.clock.sleep(20_000);
          await on.order('abort').catch(() => {});
        },
      });
      expect(rollout?.outcome).toBe('reverted');
      expect(stage.alias()).toEqual({ primary: '1', weights: {} });
      expect(faults(run, { tickMs: 3 * MINUTE })).toEqual([]);
    },
  );
});

/** A canary that fails as soon as it serves alone, of a plan without recalls, and functions that cannot take it out. */
const LAST_WAY_OUT: Plot = {
  rollout: { recall: 'off', verify: '10m' },
  canaries: { 2: { errors: (_version, _at, weight) => (weight === 100 ? 0.5 : 0) } },
  around: async (fn, event, call) => {
    if (fn === 'RevertTraffic') throw named('RevertFailed');
    return call(event);
  },
  warmMinutes: 3,
  hours: 2,
};

describe('one error of AWS where Step Functions takes the canary out itself', () => {
  test.each([
    ['GetAliasCommand', ['ThrottlingException', 'InternalFailure', 'States.Timeout', 'ServiceException']],
    [
      'UpdateAliasCommand',
      ['ThrottlingException', 'AccessDeniedException', 'States.Timeout', 'ResourceConflictException'],
    ],
  ])('%s: leaves no bad release in, whichever it is', async (command, errors) => {
    for (const name of errors) {
      let calls = 0;
      const { stage } = await play({
        ...LAST_WAY_OUT,
        aroundStep: async (called, _input, call) => {
          if (called === command && ++calls === 1) throw named(name);
          return call();
        },
      });
      expect(calls, name).toBeGreaterThan(1);
      expect(stage.alias(), name).toEqual({ primary: '1', weights: {} });
    }
  });
});

describe('a Measure that Lambda ends each time', () => {
  /** From the tenth minute on, for `minutes`. */
  const ends = (name: string, minutes: number): Plot => {
    let from: number | undefined;
    let stage: { clock: { now(): number; sleep(ms: number): Promise<void> } } | undefined;
    return {
      rollout: { steps: [{ weight: 10, bake: '30m' }], verify: '3m' },
      warmMinutes: 5,
      hours: 40,
      before: (on) => {
        stage = on;
      },
      around: async (fn, event, call) => {
        const now = stage?.clock.now() ?? 0;
        if (fn === 'ShiftTraffic') from ??= now + 10 * MINUTE;
        if (fn !== 'Measure' || from === undefined || now < from || now > from + minutes * MINUTE)
          return call(event);
        await stage?.clock.sleep(10_000);
        throw named(name);
      },
    };
  };

  test.each(DIED)(
    '%s: each tick is broken, and a good release goes on as soon as it can be measured',
    async (name) => {
      const { rollout, events, run } = await play(ends(name, 4));
      expect(
        events.filter((event) => event.type === 'Measured' && event.verdict.status === 'broken').length,
      ).toBeGreaterThan(1);
      expect([rollout?.outcome, rollout?.reason]).toEqual(['completed', expect.anything()]);
      expect(faults(run, { tickMs: 3 * MINUTE })).toEqual([]);
    },
  );

  test('for longer pauses the rollout and pages people, with the reason in words', async () => {
    const { events } = await play(ends('Sandbox.Timedout', 30));
    const paused = events.find(({ type }) => type === 'Paused');
    expect(paused).toMatchObject({ why: 'broken', reason: expect.stringContaining('did not end in time') });
    expect(events.some(({ type }) => type === 'Resumed')).toBe(true);
    expect(events.at(-1)).toMatchObject({ outcome: 'completed' });
  });
});

describe('the time of the retries', () => {
  const texts = ['docs/explanation/the-loop.md', 'docs/reference/events.md'].map((path) =>
    readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'),
  );

  test('is what the documents say, by the definition', () => {
    const limits = new Set(
      FUNCTIONS.filter((name) => name !== 'Hold').map((name) => States[name]?.TimeoutSeconds),
    );
    expect(limits.size).toBe(1);
    const [limit] = limits;
    const { waits, longest } = timeOf(States.Decide ?? { Type: '' });
    const back = timeOf(States.RevertTraffic ?? { Type: '' });
    expect(texts[0]).toContain(
      `waits of at most ${waits} s in all, and with every attempt at its limit at most ${longest} s`,
    );
    expect(texts[0]).toContain(`for a revert ${back.waits} s and ${back.longest} s`);
    expect(texts[1]).toContain(`Every Task but Hold has ${limit} seconds`);
  });
});

const refused = (name: string, httpStatusCode: number, message = name) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

/** Refuses a write for `seconds`, from the first one that `isHit` on. */
function refusing(
  isHit: (input: UpdateAliasCommandInput) => boolean,
  error: () => Error,
  seconds: number,
): Plot & { hits: () => number } {
  let hits = 0;
  let stage: Stage | undefined;
  let from: number | undefined;
  return {
    hits: () => hits,
    requestsPerSecond: 20,
    hours: 4,
    before: (on) => {
      stage = on;
    },
    intercept: async (command, input, call) => {
      if (command !== 'UpdateAliasCommand' || !isHit(input as UpdateAliasCommandInput)) return call();
      const now = stage?.clock.now() ?? 0;
      from ??= now;
      if (now - from < seconds * 1000) {
        hits += 1;
        throw error();
      }
      return call();
    },
  };
}

const weightOf = (input: UpdateAliasCommandInput) => input.RoutingConfig?.AdditionalVersionWeights?.['2'];
const WRITES: [what: string, isHit: (input: UpdateAliasCommandInput) => boolean][] = [
  ['the claim', ({ Description = '' }) => / 0 open$/.test(Description)],
  ['the first raise', (input) => weightOf(input) === 0.1],
  ['a later raise', (input) => weightOf(input) === 0.5],
  [
    'the promotion',
    ({ FunctionVersion, Description = '' }) => FunctionVersion === '2' && / open$/.test(Description),
  ],
  [
    'the close of the fence',
    ({ FunctionVersion, Description = '' }) => FunctionVersion === '2' && / closed/.test(Description),
  ],
];

describe('a write that Lambda refuses for a reason that is not the release', () => {
  const busy = () => refused('ResourceConflictException', 409, 'An update is in progress for resource');
  const denied = () =>
    refused(
      'AccessDeniedException',
      403,
      'is not authorized to perform: lambda:UpdateAlias with an explicit deny in a service control policy',
    );

  test.each(
    WRITES.flatMap(([what, isHit]) => [2, 40, 200].map((seconds) => [what, seconds, isHit] as const)),
  )(
    '%s, for %i s of another change in progress: the good release completes',
    async (_what, seconds, isHit) => {
      const plot = refusing(isHit, busy, seconds);
      const { rollout, run } = await play(plot);
      expect(plot.hits()).toBeGreaterThan(0);
      expect([rollout?.outcome, rollout?.reason]).toEqual(['completed', expect.anything()]);
      expect(faults(run, { tickMs: 5 * MINUTE })).toEqual([]);
    },
  );

  test.each(WRITES.slice(1))(
    '%s, for three minutes without the right: the good release completes',
    async (_what, isHit) => {
      const plot = refusing(isHit, denied, 180);
      const { rollout } = await play(plot);
      expect(plot.hits()).toBeGreaterThan(1);
      expect([rollout?.outcome, rollout?.reason]).toEqual(['completed', expect.anything()]);
    },
  );

  test('a raise that is refused for good ends by the environment, in words, and leaves no quarantine', async () => {
    const { rollout, stage } = await play(refusing((input) => weightOf(input) === 0.5, denied, 1e6));
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'environment' } });
    expect(rollout?.reason).toMatch(
      /could not be raised to 50 %.*service control policy.*AccessDeniedException/,
    );
    expect((await stage.clock.run(stage.journal.service('checkout-api'))).quarantined ?? []).toEqual([]);
  });

  test('a checker sees a good release that is blamed for it', async () => {
    const plot = refusing((input) => weightOf(input) === 0.5, denied, 1e6);
    const real = await play(plot);
    expect(faults(real.run, { isGood: true, tickMs: 5 * MINUTE })).toEqual([]);
    const bug = await play({
      ...refusing((input) => weightOf(input) === 0.5, denied, 1e6),
      changePorts: writing((event) =>
        event.type === 'RevertOrdered' ? { ...event, cause: 'canary' } : event,
      ),
    });
    expect(broken(bug.run, { isGood: true, tickMs: 5 * MINUTE })).toContain('goodNeverBlamed');
  });
});

describe('publishing that the account refuses', () => {
  test.each([
    [
      'UpdateFunctionCodeCommand',
      refused('CodeStorageExceededException', 400, 'Code storage limit exceeded.'),
      /code storage of the account is full/,
    ],
    [
      'PublishVersionCommand',
      refused('CodeStorageExceededException', 400, 'Code storage limit exceeded.'),
      /code storage of the account is full/,
    ],
    [
      'PublishVersionCommand',
      refused('ServiceQuotaExceededException', 402, 'Too many versions'),
      /Too many versions/,
    ],
    [
      'PublishVersionCommand',
      refused('AccessDeniedException', 403, 'explicit deny in a service control policy'),
      /service control policy/,
    ],
    [
      'GetFunctionConfigurationCommand',
      refused('KMSDisabledException', 502, 'The key is disabled'),
      /The key is disabled/,
    ],
  ])(
    '%s: ends by the environment, in words, and the same code may come again',
    async (command, error, words) => {
      let isOn = true;
      const { rollout, stage } = await play({
        ...EVERY_STATE,
        intercept: async (called, _input, call) => {
          if (isOn && called === command) throw error;
          return call();
        },
      });
      expect(rollout).toMatchObject({ outcome: 'refused', leaving: { cause: 'environment' } });
      expect(rollout?.reason).toMatch(words);
      expect((await stage.clock.run(stage.journal.service('checkout-api'))).quarantined ?? []).toEqual([]);
      isOn = false;
      const second = await stage.clock.run(stage.release(EVERY_STATE.release));
      const ended = await stage.clock.run(stage.ended(second), 3_600_000);
      expect([ended.outcome, ended.reason]).toEqual(['completed', expect.anything()]);
    },
  );
});
