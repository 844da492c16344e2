import { expect } from 'vitest';
import type { Notes } from '../../core/ports.ts';
import type { VirtualClock } from '../../local/clock.ts';
import { atOnce, contract, type Implementation } from './cases.ts';

interface NotesStage {
  clock: VirtualClock;
  notes: Notes;
}

interface Counter {
  count: number;
  text?: string;
}

/** What notes promise, whatever they are kept in. */
export function describeNotes(implementation: Implementation<NotesStage>): void {
  contract<NotesStage>('Notes', implementation, (keeps) => {
    const counted = ({ clock, notes }: NotesStage, about = 'a', name = 'N') =>
      clock.run(notes.change<Counter>(about, name, (before) => ({ count: (before?.count ?? 0) + 1 })));
    const read = ({ clock, notes }: NotesStage, about = 'a', name = 'N') =>
      clock.run(notes.change<Counter>(about, name, (before) => before));

    keeps('begin with nothing and keep what was written', async (stage) => {
      expect(await read(stage)).toBeUndefined();
      expect(await counted(stage)).toEqual({ count: 1 });
      expect(await counted(stage)).toEqual({ count: 2 });
      expect(await read(stage)).toEqual({ count: 2 });
    });

    keeps('are apart by what they are about and by name', async (stage) => {
      await counted(stage, 'a', 'N');
      await counted(stage, 'a', 'M');
      await counted(stage, 'b', 'N');
      expect([await read(stage, 'a', 'N'), await read(stage, 'a', 'M'), await read(stage, 'b', 'N')]).toEqual(
        [{ count: 1 }, { count: 1 }, { count: 1 }],
      );
    });

    keeps('lose no change that is made at once with others', async (stage) => {
      await stage.clock.run(
        atOnce(6, () =>
          stage.notes.change<Counter>('a', 'N', (before) => ({ count: (before?.count ?? 0) + 1 })),
        ),
      );
      expect(await read(stage)).toEqual({ count: 6 });
    });

    keeps('write nothing if the change leaves what it was given, or says nothing', async (stage) => {
      await counted(stage);
      const { clock, notes } = stage;
      expect(await clock.run(notes.change<Counter>('a', 'N', () => undefined))).toEqual({ count: 1 });
      expect(await clock.run(notes.change<Counter>('c', 'N', () => undefined))).toBeUndefined();
    });

    keeps('give back what JSON makes of a note, and nobody holds a part of it', async ({ clock, notes }) => {
      const mine: Counter = { count: 1, text: 'é\u2028😀' };
      const kept = await clock.run(notes.change<Counter>('a', 'N', () => mine));
      mine.count = 9;
      if (kept !== undefined) kept.count = 8;
      expect(await clock.run(notes.change<Counter>('a', 'N', (before) => before))).toEqual({
        count: 1,
        text: 'é\u2028😀',
      });
    });
  });
}
