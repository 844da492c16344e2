import { RolloutError } from '../core/errors.ts';
import type { Transition } from '../core/people/transition.ts';
import { historyOf } from './histories.ts';
import type { Needs } from './ports.ts';

/** An event that was written to the journal. */
interface Written {
  rolloutId: string;
  n: number;
  /** Where the stream has it. */
  sequence: string;
}

type Announces = 'announcer' | 'deadLetters' | 'journal' | 'notes' | 'observer';

/** Up to which event a rollout is announced, and how often it failed there. */
interface Announced {
  n: number;
  failed?: { n: number; tries: number };
}

/** Name of the note of that. */
const ANNOUNCED = 'ANNOUNCED';

/** How often a transition that the bus refuses is sent before it goes to the dead letters: it must not keep back what happens after it. */
const TRIES_MAX = 3;

/**
 * Announces what happened to rollouts, up to these events. The stream only says that there is something: what is announced is read
 * from the journal after what was announced before, so nothing overtakes or is left out, however the stream repeats and mixes.
 * Answers where the stream has the first event of each rollout that must come again.
 */
export async function announce(written: Written[], ports: Needs<Announces>): Promise<string[]> {
  const failed: string[] = [];
  for (const [rolloutId, events = []] of Object.entries(Object.groupBy(written, (each) => each.rolloutId))) {
    try {
      await announceUpTo(rolloutId, Math.max(...events.map(({ n }) => n)), ports);
    } catch (error) {
      ports.observer.warn('unannounced', { rolloutId, error: Object(error).name });
      failed.push(events[0]?.sequence ?? '');
    }
  }
  return failed;
}

async function announceUpTo(rolloutId: string, n: number, ports: Needs<Announces>): Promise<void> {
  const { announcer, notes } = ports;
  const note = await notes.change<Announced>(rolloutId, ANNOUNCED, (before) => before);
  const { n: last = 0, failed } = note ?? {};
  if (last >= n) return;
  const { transitions = [] } = (await historyOf(rolloutId, ports, n)) ?? {};
  const fresh = transitions.filter((each) => each.n > last && each.n <= n);
  const [first] = fresh;
  if (first === undefined) return;
  const isLastTry = failed?.n === first.n && failed.tries >= TRIES_MAX - 1;
  try {
    if (isLastTry) for (const transition of fresh) await announceOrBury(transition, ports);
    else await announcer.announce(fresh);
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) await countTry(rolloutId, first.n, ports);
    throw error;
  }
  const announced = fresh.at(-1)?.n ?? 0;
  await notes.change<Announced>(rolloutId, ANNOUNCED, (before) =>
    (before?.n ?? 0) >= announced ? before : { n: announced },
  );
}

async function announceOrBury(transition: Transition, ports: Needs<Announces>): Promise<void> {
  try {
    await ports.announcer.announce([transition]);
  } catch (error) {
    if (RolloutError.is(error, 'Unavailable')) throw error;
    await ports.deadLetters.put({ transition, error: String(error) });
    ports.observer.count({ TransitionsLost: 1 });
    ports.observer.warn('not announced', { rolloutId: transition.rolloutId, version: transition.n });
  }
}

async function countTry(rolloutId: string, n: number, { notes }: Needs<'notes'>): Promise<void> {
  await notes.change<Announced>(rolloutId, ANNOUNCED, (before) => ({
    n: before?.n ?? 0,
    failed: { n, tries: before?.failed?.n === n ? before.failed.tries + 1 : 1 },
  }));
}
