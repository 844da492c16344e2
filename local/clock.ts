import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** A clock that can also wait. Everything in the embedded world that takes time asks this, and nothing else. */
export interface WorldClock extends Clock {
  /** Resolves after `ms` of this clock's time; `cancel` forgets the wait, which then never resolves. */
  after(ms: number): Wait;
}

export interface Wait {
  readonly done: Promise<void>;
  cancel(): void;
}

/** A sleep by these waits. */
function sleeping(after: WorldClock['after']): Clock['sleep'] {
  return (ms, signal) => {
    const { done, cancel } = after(ms);
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    return done;
  };
}

/** Most real time between two looks at the clock that counts: a machine that stalls longer slows the world down instead of tearing its timeouts. */
const STALL_MS = 20;

/** Real time, `scale` times as fast: at 60 a minute of the world passes in a second. */
export function scaledClock(scale = 1, start: Instant = Date.now()): WorldClock {
  const waits = waitQueue();
  let time = start;
  let looked = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const now = () => {
    const real = performance.now();
    time += Math.min(real - looked, STALL_MS) * scale;
    looked = real;
    return Math.floor(time);
  };
  const beat = () => {
    timer = undefined;
    const limit = now();
    for (let entry = waits.next(limit); entry !== undefined; entry = waits.next(limit)) entry.fire();
    arm();
  };
  const arm = () => {
    const due = waits.due();
    if (due === undefined || timer !== undefined) return;
    timer = setTimeout(beat, Math.max(0, Math.min((due - time) / scale, STALL_MS / 2)));
  };
  const after = (ms: number): Wait => {
    const wait = waits.add(now() + Math.max(0, ms));
    // A nearer wait than the timer was set for must not be late.
    clearTimeout(timer);
    timer = undefined;
    arm();
    return wait;
  };
  return { now, after, sleep: sleeping(after) };
}

/** Time that stands still until nothing else can happen, then jumps to the next wait. Waits due together fire in the order they were asked for. */
export interface VirtualClock extends WorldClock {
  /** Lets time pass until `until` resolves or nothing waits any more; @throws Error when `limitMs` of virtual time were not enough. */
  run<T>(until: Promise<T>, limitMs?: number): Promise<T>;
  /** Lets exactly `ms` pass. */
  advance(ms: number): Promise<void>;
}

interface Entry {
  due: Instant;
  order: number;
  isCancelled: boolean;
  fire(): void;
}

export function virtualClock(start: Instant = Date.UTC(2026, 0, 5, 9)): VirtualClock {
  let time = start;
  const waits = waitQueue();
  const after = (ms: number): Wait => waits.add(time + Math.max(0, ms));

  /** Fires the next wait that is due by `limit`; false when there is none. */
  const step = (limit: Instant): boolean => {
    const entry = waits.next(limit);
    if (entry === undefined) return false;
    time = entry.due;
    entry.fire();
    return true;
  };

  return {
    now: () => time,
    after,
    sleep: sleeping(after),
    async run(until, limitMs = 366 * 24 * 3600_000) {
      const limit = time + limitMs;
      let settled = false;
      const watched = until.finally(() => {
        settled = true;
      });
      watched.catch(() => {});
      for (;;) {
        await settle();
        if (settled) return watched;
        if (!step(limit)) {
          throw new Error(
            waits.due() === undefined
              ? `The world stands still at ${new Date(time).toISOString()}: nothing waits and the awaited thing has not happened.`
              : `The awaited thing did not happen within ${limitMs / 1000} virtual seconds.`,
          );
        }
      }
    },
    async advance(ms) {
      const limit = time + ms;
      do await settle();
      while (step(limit));
      time = limit;
    },
  };
}

/** Lets every promise that can settle do so: the microtask queue is empty when a macrotask runs. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Waits in the order in which they are due; those due together in the order they were asked for. */
function waitQueue() {
  const heap: Entry[] = [];
  let order = 0;
  return {
    add(due: Instant): Wait {
      let entry: Entry | undefined;
      const done = new Promise<void>((resolve) => {
        entry = { due, order: order++, isCancelled: false, fire: resolve };
        push(heap, entry);
      });
      return {
        done,
        cancel: () => {
          if (entry !== undefined) entry.isCancelled = true;
        },
      };
    },
    /** Takes out the next wait that is due by `limit`. */
    next(limit: Instant): Entry | undefined {
      while (heap[0]?.isCancelled) pop(heap);
      const entry = heap[0];
      if (entry === undefined || entry.due > limit) return undefined;
      pop(heap);
      return entry;
    },
    due(): Instant | undefined {
      while (heap[0]?.isCancelled) pop(heap);
      return heap[0]?.due;
    },
  };
}

const isBefore = (a: Entry, b: Entry) => a.due < b.due || (a.due === b.due && a.order < b.order);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Entry;
    if (!isBefore(entry, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const child = right < heap.length && isBefore(heap[right] as Entry, heap[left] as Entry) ? right : left;
    if (!isBefore(heap[child] as Entry, last)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = last;
}
