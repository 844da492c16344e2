import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { DIED, REFUSED, readDefinition, timeOf } from '../statemachines/rules.ts';
import { faults, MINUTE, type Plot, play } from './stage.ts';

const named = (name: string) => Object.assign(new Error('An error of AWS'), { name });

const { States } = readDefinition();

/** The states that call a function, but for the way out and what stands in for Measure; each is named like its function. */
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
      for (const name of ONCE) {
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

/** A canary that fails after its promotion, and functions that cannot take it out. */
const LAST_WAY_OUT: Plot = {
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
      `waits of at most ${waits} s in all, and with the attempts themselves at most ${longest} s`,
    );
    expect(texts[0]).toContain(`for a revert ${back.waits} s and ${back.longest} s`);
    expect(texts[1]).toContain(`Every Task but Hold has ${limit} seconds`);
  });
});
