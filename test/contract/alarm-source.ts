import { expect } from 'vitest';
import type { Alarm } from '../../core/analysis/types.ts';
import type { AlarmSource } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';
import { contract, type Implementation, refused } from './cases.ts';

/** Alarms that are set by hand. */
export interface AlarmStage {
  source: AlarmSource;
  now(): Instant;
  arrange: {
    /** Makes alarms on a metric, or changes their state. */
    metric(names: string[], state: 'ok' | 'alarm' | 'insufficient'): Promise<void>;
    /** Makes an alarm that is red while the other one is. */
    composite(name: string, child: string): Promise<void>;
    remove(name: string): Promise<void>;
    /** From now on the service says that it could not evaluate this alarm, whatever its state. */
    confuse(name: string): void;
    pass(ms: number): Promise<void>;
    /** From now on the source cannot be reached. */
    disconnect(): void;
  };
  /** The names of each call to the service. */
  asked(): string[][];
}

/** What every source of alarms promises. */
export function describeAlarmSource(implementation: Implementation<AlarmStage>): void {
  contract<AlarmStage>('AlarmSource', implementation, (keeps) => {
    keeps('tells the state of each alarm and since when it has it', async ({ source, now, arrange }) => {
      const began = now();
      await arrange.metric(['calm'], 'ok');
      await arrange.metric(['new'], 'insufficient');
      const between = now();
      await arrange.pass(2000);
      const turned = now();
      await arrange.metric(['red'], 'alarm');
      expect(byName(await source.read(['red', 'calm', 'new']))).toMatchObject([
        { name: 'calm', state: 'ok', since: during(began, between) },
        { name: 'new', state: 'insufficient', since: during(began, between) },
        { name: 'red', state: 'alarm', since: during(turned, now()) },
      ]);
    });

    keeps('tells only the alarms that it is asked for', async ({ source, arrange }) => {
      await arrange.metric(['a', 'b'], 'ok');
      expect((await source.read(['b'])).map(({ name }) => name)).toEqual(['b']);
    });

    keeps('tells composite alarms like all others', async ({ source, arrange }) => {
      await arrange.metric(['child'], 'ok');
      await arrange.composite('whole', 'child');
      expect(await source.read(['whole'])).toMatchObject([{ name: 'whole', state: 'ok' }]);
      await arrange.metric(['child'], 'alarm');
      expect(byName(await source.read(['whole', 'child']))).toMatchObject([
        { name: 'child', state: 'alarm' },
        { name: 'whole', state: 'alarm' },
      ]);
    });

    keeps('leaves out what does not exist, also once it was deleted', async ({ source, arrange }) => {
      await arrange.metric(['a', 'b'], 'ok');
      expect((await source.read(['a', 'typo', 'b'])).map(({ name }) => name).toSorted()).toEqual(['a', 'b']);
      await arrange.remove('a');
      expect((await source.read(['a', 'b'])).map(({ name }) => name)).toEqual(['b']);
    });

    keeps('answers no names without asking anybody', async ({ source, asked }) => {
      expect(await source.read([])).toEqual([]);
      expect(asked()).toEqual([]);
    });

    keeps('answers more names than one call takes', async ({ source, arrange, asked }) => {
      const names = Array.from({ length: 250 }, (_, index) => `alarm-${String(index).padStart(3, '0')}`);
      await arrange.metric(names, 'ok');
      expect(byName(await source.read(names)).map(({ name }) => name)).toEqual(names);
      expect(asked().flat()).toEqual(names);
    });

    keeps('calls an alarm unknown that the service could not evaluate', async ({ source, arrange }) => {
      await arrange.metric(['blind', 'seeing'], 'ok');
      arrange.confuse('blind');
      expect(byName(await source.read(['blind', 'seeing']))).toMatchObject([
        { name: 'blind', state: 'unknown' },
        { name: 'seeing', state: 'ok' },
      ]);
    });

    keeps('says Unavailable where it cannot be reached', async ({ source, arrange }) => {
      arrange.disconnect();
      await refused(source.read(['a']), 'Unavailable', 'alarms');
    });
  });
}

const byName = (alarms: Alarm[]) => alarms.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** A moment of this stretch; one source tells whole seconds. */
const during = (from: Instant, to: Instant) =>
  expect.toSatisfy((at: Instant) => at > from - 1000 && at <= to) as unknown as Instant;
