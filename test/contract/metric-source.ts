import { expect } from 'vitest';
import type { LimitRule, WatchRule } from '../../core/analysis/types.ts';
import type { MetricSource } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
import type { Instant } from '../../core/units.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import { contract, type Implementation, refused } from './cases.ts';

/** Requests that one version served within one minute. */
export interface Served {
  version: string;
  minute: Instant;
  requests: number;
  /** Requests that threw; if it is absent, no count of them arrives. */
  errors?: number;
  /** Responses counted as faults; if it is absent, this version counts no responses. */
  faults?: number;
  /** Of how many messages how many were handed back; if it is absent, this version counts none. */
  batch?: [failures: number, items: number];
  /** True if it did not come through the target but straight to the version. */
  direct?: boolean;
  /** How long after its minute it can be read. */
  lateMs?: number;
}

/** A level of a queue, or of what Lambda keeps of the events of an alias. */
export interface Shown {
  of: { queue: string; is: 'messages' | 'age' } | { alias: string; is: 'event age' | 'record age' };
  minute: Instant;
  value: number;
}

/** A target from version `1` to version `2`, whose traffic is arranged by hand. */
export interface MetricStage {
  source: MetricSource;
  target: Target;
  /** The beginning of a minute in the past; everything served up to an hour after it can be read. */
  start: Instant;
  arrange: {
    serve(served: Served): void | Promise<void>;
    /** What one minute of something that feeds a function showed, in the unit of its limit. */
    show(shown: Shown): void | Promise<void>;
    pass(ms: number): Promise<void>;
    /** From now on every answer comes in two pages that are partial each. */
    splitAnswers(): void;
    /** From now on one series of every answer is incomplete for good, with this status; `absent` leaves it out. */
    breakAnswers(status: 'InternalError' | 'Forbidden' | 'PartialData' | 'absent'): void;
    /** From now on the source cannot be reached. */
    disconnect(): void;
  };
  /** How often the service was asked. */
  calls(): number;
}

const MINUTE = 60_000;
const ERRORS: WatchRule[] = [{ metric: 'errors', ratio: 1.5 }];
const BOTH: WatchRule[] = [...ERRORS, { metric: 'http5xx', ratio: 1.5 }];

/** What every source of metrics promises. */
export function describeMetricSource(implementation: Implementation<MetricStage>): void {
  contract<MetricStage>('MetricSource', implementation, (keeps) => {
    keeps(
      'counts both versions in the same windows, oldest first',
      async ({ source, target, start, arrange }) => {
        for (const minute of [2, 0, 1]) {
          await arrange.serve({
            version: '1',
            minute: start + minute * MINUTE,
            requests: 900 + minute,
            errors: minute,
          });
          await arrange.serve({
            version: '2',
            minute: start + minute * MINUTE,
            requests: 100 + minute,
            errors: 2 * minute,
          });
        }
        expect(await source.read(target, ERRORS, start, start + 3 * MINUTE)).toEqual({
          errors: [0, 1, 2].map((minute) => ({
            start: start + minute * MINUTE,
            canary: { bad: 2 * minute, total: 100 + minute },
            stable: { bad: minute, total: 900 + minute },
          })),
        });
      },
    );

    keeps(
      'leaves a side out that had no data: missing is not zero',
      async ({ source, target, start, arrange }) => {
        await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3 });
        await arrange.serve({ version: '2', minute: start + MINUTE, requests: 100, errors: 0 });
        const { errors } = await source.read(target, ERRORS, start, start + 2 * MINUTE);
        expect(errors).toStrictEqual([
          { start, stable: { bad: 3, total: 900 } },
          { start: start + MINUTE, canary: { bad: 0, total: 100 } },
        ]);
      },
    );

    keeps('leaves a window out in which nothing happened', async ({ source, target, start, arrange }) => {
      await arrange.serve({ version: '1', minute: start + MINUTE, requests: 900, errors: 3 });
      const { errors = [] } = await source.read(target, ERRORS, start, start + 5 * MINUTE);
      expect(errors.map((window) => window.start)).toEqual([start + MINUTE]);
    });

    keeps('has no windows where there was no traffic at all', async ({ source, target, start }) => {
      expect(await source.read(target, BOTH, start, start + 5 * MINUTE)).toEqual({ errors: [], http5xx: [] });
    });

    keeps(
      'says that a window is unknown of which either version was counted by half, however old it is',
      async (stage) => {
        const { source, target, start, arrange } = stage;
        await arrange.serve({ version: '2', minute: start, requests: 100 });
        await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3 });
        await arrange.serve({ version: '2', minute: start + MINUTE, requests: 100, errors: 1 });
        await arrange.serve({ version: '1', minute: start + MINUTE, requests: 900 });
        const whole = { start: start + 2 * MINUTE, canary: { bad: 2, total: 100 } };
        await arrange.serve({ version: '2', minute: whole.start, requests: 100, errors: 2 });
        for (const minutes of [3, 30])
          expect(await source.read(target, ERRORS, start, start + minutes * MINUTE)).toEqual({
            errors: [
              { start, unknown: 'the canary was counted by half' },
              { start: start + MINUTE, unknown: 'stable was counted by half' },
              whole,
            ],
          });
      },
    );

    keeps('begins with the window at `from` and ends before the one at `to`', async (stage) => {
      const { source, target, start, arrange } = stage;
      for (let minute = 0; minute < 5; minute++)
        await arrange.serve({ version: '1', minute: start + minute * MINUTE, requests: 10, errors: 0 });
      const { errors = [] } = await source.read(target, ERRORS, start + MINUTE, start + 3 * MINUTE);
      expect(errors.map((window) => window.start)).toEqual([start + MINUTE, start + 2 * MINUTE]);
    });

    keeps('answers an empty stretch and an empty watch without asking anybody', async (stage) => {
      const { source, target, start, calls } = stage;
      expect(await source.read(target, ERRORS, start, start)).toEqual({});
      expect(await source.read(target, [], start, start + MINUTE)).toEqual({});
      expect(calls()).toBe(0);
    });

    keeps('reads only the metrics that are watched', async ({ source, target, start, arrange }) => {
      await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3, faults: 5 });
      const all = await source.read(target, BOTH, start, start + MINUTE);
      expect(all.http5xx).toEqual([{ start, stable: { bad: 5, total: 900 } }]);
      expect(await source.read(target, ERRORS, start, start + MINUTE)).toEqual({ errors: all.errors });
    });

    keeps('has no responses of a version that counts none', async ({ source, target, start, arrange }) => {
      await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3, faults: 5 });
      await arrange.serve({ version: '2', minute: start, requests: 100, errors: 1 });
      const { errors, http5xx } = await source.read(target, BOTH, start, start + MINUTE);
      expect(errors).toEqual([{ start, stable: { bad: 3, total: 900 }, canary: { bad: 1, total: 100 } }]);
      expect(http5xx).toStrictEqual([{ start, stable: { bad: 5, total: 900 } }]);
    });

    keeps('counts a metric once that two rules watch', async ({ source, target, start, arrange }) => {
      await arrange.serve({ version: '2', minute: start, requests: 100, errors: 1 });
      const rules: WatchRule[] = [...ERRORS, { metric: 'errors', share: 0.01 }];
      const { errors } = await source.read(target, rules, start, start + MINUTE);
      expect(errors).toEqual([{ start, canary: { bad: 1, total: 100 } }]);
    });

    keeps('counts only what came through the target: no smoke test, no other version', async (stage) => {
      const { source, target, start, arrange } = stage;
      await arrange.serve({ version: '2', minute: start, requests: 7, errors: 7, faults: 7, direct: true });
      await arrange.serve({ version: '3', minute: start, requests: 50, errors: 5, faults: 5 });
      await arrange.serve({ version: '1', minute: start, requests: 900, errors: 0, faults: 0 });
      const stable = { start, stable: { bad: 0, total: 900 } };
      expect(await source.read(target, BOTH, start, start + MINUTE)).toStrictEqual({
        errors: [stable],
        http5xx: [stable],
      });
    });

    const LIMITS: LimitRule[] = [
      { limit: 'dlqNew', max: 0 },
      { limit: 'oldestMessage', max: 900 },
      { limit: 'iteratorAge', max: 900 },
      { limit: 'batchFailures', max: 10 },
    ];
    const fedBy = (
      target: Target,
      source: Target['source'],
      queues: Record<string, string> = {},
    ): Target => ({
      ...target,
      ref: { ...target.ref, ...queues },
      source,
      traits: traitsOf(source, target.ref),
    });
    const QUEUES = { queue: 'orders', dlq: 'orders-dlq' };

    keeps('reads the limits of a queue from the queues of the target, in one call', async (stage) => {
      const { source, target, start, arrange } = stage;
      for (const [minute, value] of [3, 7].entries()) {
        const at = start + minute * MINUTE;
        await arrange.show({ of: { queue: 'orders-dlq', is: 'messages' }, minute: at, value });
        await arrange.show({ of: { queue: 'orders', is: 'age' }, minute: at, value: 10 * value });
        for (const queue of ['others', 'orders-dlq'])
          await arrange.show({ of: { queue, is: 'age' }, minute: at, value: 999 });
        await arrange.show({ of: { queue: 'orders', is: 'messages' }, minute: at, value: 999 });
      }
      await arrange.serve({ version: '2', minute: start, requests: 10, errors: 0, batch: [4, 90] });
      await arrange.serve({ version: '1', minute: start, requests: 90, errors: 0, batch: [0, 900] });
      await arrange.serve({ version: '2', minute: start, requests: 1, batch: [9, 9], direct: true });
      const before = stage.calls();
      const read = await source.read(fedBy(target, 'sqs', QUEUES), ERRORS, start, start + 2 * MINUTE, LIMITS);
      expect(stage.calls() - before).toBe(1);
      expect(read).toEqual({
        errors: [{ start, canary: { bad: 0, total: 10 }, stable: { bad: 0, total: 90 } }],
        dlqNew: [
          { start, value: 3 },
          { start: start + MINUTE, value: 7 },
        ],
        oldestMessage: [
          { start, value: 30 },
          { start: start + MINUTE, value: 70 },
        ],
        batchFailures: [{ start, canary: { bad: 4, total: 90 }, stable: { bad: 0, total: 900 } }],
      });
    });

    keeps('reads the ages of events and records by the alias, in seconds', async (stage) => {
      const { source, target, start, arrange } = stage;
      const alias = `${target.ref.functionName}:${target.ref.alias}`;
      await arrange.show({ of: { alias, is: 'event age' }, minute: start, value: 61.5 });
      await arrange.show({ of: { alias, is: 'record age' }, minute: start, value: 12 });
      await arrange.show({
        of: { alias: `${target.ref.functionName}:old`, is: 'record age' },
        minute: start,
        value: 9,
      });
      const read = (kind: Target['source'], queues = {}) =>
        source.read(fedBy(target, kind, queues), [], start, start + MINUTE, LIMITS);
      expect(await read('async', { dlq: 'lost' })).toEqual({
        dlqNew: [],
        oldestMessage: [{ start, value: 61.5 }],
      });
      expect(await read('stream')).toEqual({ iteratorAge: [{ start, value: 12 }], batchFailures: [] });
    });

    keeps('reads no limit that the target does not have, and none that nobody asked for', async (stage) => {
      const { source, target, start } = stage;
      expect(await source.read(target, [], start, start + MINUTE, LIMITS)).toEqual({});
      expect(await source.read(fedBy(target, 'sqs', QUEUES), [], start, start + MINUTE)).toEqual({});
      expect(stage.calls()).toBe(0);
    });

    keeps(
      'takes an answer for none in which a limit is missing',
      async ({ source, target, start, arrange }) => {
        arrange.breakAnswers('absent');
        const asked = source.read(
          fedBy(target, 'sqs', QUEUES),
          [],
          start,
          start + MINUTE,
          LIMITS.slice(0, 1),
        );
        await refused(asked, 'Unavailable', target.traits.noun, 'incomplete');
      },
    );

    keeps('shows late data at a later read, in the minute where it belongs', async (stage) => {
      const { source, target, start, arrange } = stage;
      const late = 90 * MINUTE;
      await arrange.serve({ version: '2', minute: start, requests: 60, errors: 0 });
      await arrange.serve({ version: '2', minute: start, requests: 40, errors: 4, lateMs: late });
      const read = () => source.read(target, ERRORS, start, start + MINUTE);
      expect(await read()).toEqual({ errors: [{ start, canary: { bad: 0, total: 60 } }] });
      await arrange.pass(late);
      expect(await read()).toEqual({ errors: [{ start, canary: { bad: 4, total: 100 } }] });
    });

    keeps(
      'reads what a target did before, whichever version ran',
      async ({ source, target, start, arrange }) => {
        await arrange.serve({ version: '1', minute: start, requests: 900, errors: 9 });
        await arrange.serve({ version: '2', minute: start, requests: 100, errors: 1 });
        await arrange.serve({ version: '0', minute: start + 2 * MINUTE, requests: 50, errors: 5 });
        expect(await source.past(target, ERRORS, start, start + 3 * MINUTE)).toEqual({
          errors: [
            { start, stable: { bad: 10, total: 1000 } },
            { start: start + 2 * MINUTE, stable: { bad: 5, total: 50 } },
          ],
        });
      },
    );

    keeps(
      'knows the newest minute in which anything of the region was counted',
      async ({ source, start, arrange }) => {
        for (const minute of [0, 2, 4])
          await arrange.serve({ version: '1', minute: start + minute * MINUTE, requests: 1, direct: true });
        const newest = (from: number, to: number) =>
          source.heartbeat(start + from * MINUTE, start + to * MINUTE);
        expect(await newest(0, 5)).toBe(start + 4 * MINUTE);
        expect(await newest(0, 3)).toBe(start + 2 * MINUTE);
      },
    );

    keeps('joins an answer that comes in parts', async (stage) => {
      const { source, target, start, arrange } = stage;
      for (let minute = 0; minute < 6; minute++) {
        await arrange.serve({
          version: '1',
          minute: start + minute * MINUTE,
          requests: 900,
          errors: minute,
          faults: 9,
        });
        await arrange.serve({
          version: '2',
          minute: start + minute * MINUTE,
          requests: 100,
          errors: minute,
          faults: 1,
        });
      }
      const whole = await source.read(target, BOTH, start, start + 6 * MINUTE);
      const before = stage.calls();
      arrange.splitAnswers();
      expect(await source.read(target, BOTH, start, start + 6 * MINUTE)).toEqual(whole);
      expect(whole.errors).toHaveLength(6);
      expect(stage.calls() - before).toBe(2);
    });

    for (const status of ['InternalError', 'Forbidden', 'PartialData', 'absent'] as const) {
      keeps(
        `takes an answer for none in which a series is ${status}`,
        async ({ source, target, start, arrange }) => {
          await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3 });
          arrange.breakAnswers(status);
          await refused(
            source.read(target, ERRORS, start, start + MINUTE),
            'Unavailable',
            target.traits.noun,
            'incomplete',
          );
        },
      );
    }

    keeps('says Unavailable where it cannot be reached', async ({ source, target, start, arrange }) => {
      arrange.disconnect();
      await refused(source.read(target, ERRORS, start, start + MINUTE), 'Unavailable', target.traits.noun);
      await refused(source.past(target, ERRORS, start, start + MINUTE), 'Unavailable', target.traits.noun);
      await refused(source.heartbeat(start, start + MINUTE), 'Unavailable', 'region');
    });
  });
}
