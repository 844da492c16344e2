import type { Notes } from '../core/ports.ts';

/** Notes in memory with the promises of the real ones. */
export function memoryNotes(): Notes {
  const kept = new Map<string, string>();
  return {
    async change<Note extends object>(
      about: string,
      name: string,
      how: (before: Note | undefined) => Note | undefined,
    ): Promise<Note | undefined> {
      const key = JSON.stringify([about, name]);
      const text = kept.get(key);
      const before = text === undefined ? undefined : (JSON.parse(text) as Note);
      const after = how(before);
      if (after === before || after === undefined) return before;
      kept.set(key, JSON.stringify(after));
      return JSON.parse(JSON.stringify(after)) as Note;
    },
  };
}
