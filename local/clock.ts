import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** A clock that can also wait. Everything in the embedded world that takes time asks this, and nothing else. */
export interface WorldClock extends Clock {
  /** Resolves after `ms` of this clock's time; `cancel` forgets the wait, which then never resolves. */
  after(ms: number): Wait;
  /** Resolves once `ms` of this clock's time have passed. */
  sleep(ms: number): Promise<void>;
}

export interface Wait {
  readonly done: Promise<void>;
  cancel(): void;
}

/** Longest wait Node's timers take, about 24.8 days; longer ones fire at once (Node.js timers documentation). */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Real time, `scale` times as fast: at 60 a minute of the world passes in a second. */
export function scaledClock(scale = 1, start: Instant = Date.now()): WorldClock {
  const zero = performance.now();
  const now = () => start + Math.floor((performance.now() - zero) * scale);
  const after = (ms: number): Wait => {
    const due = now() + ms;
    let timer: NodeJS.Timeout | undefined;
    const done = new Promise<void>((resolve) => {
      const arm = () => {
        const left = due - now();
        if (left <= 0) return resolve();
        timer = setTimeout(arm, Math.min(Math.ceil(left / scale), TIMER_MAX_MS));
      };
      arm();
    });
    return { done, cancel: () => clearTimeout(timer) };
  };
  return { now, after, sleep: (ms) => after(ms).done };
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
  fire(): void;
}

export function virtualClock(start: Instant = Date.UTC(2026, 0, 5, 9)): VirtualClock {
  let time = start;
  let order = 0;
  const heap: Entry[] = [];
  const cancelled = new Set<Entry>();

  const after = (ms: number): Wait => {
    let entry: Entry | undefined;
    const done = new Promise<void>((resolve) => {
      entry = { due: time + Math.max(0, ms), order: order++, fire: resolve };
      push(heap, entry);
    });
    return { done, cancel: () => entry !== undefined && cancelled.add(entry) };
  };

  /** Fires the next wait that is due by `limit`; false when there is none. */
  const step = (limit: Instant): boolean => {
    for (let entry = heap[0]; entry !== undefined && entry.due <= limit; entry = heap[0]) {
      pop(heap);
      if (cancelled.delete(entry)) continue;
      time = entry.due;
      entry.fire();
      return true;
    }
    return false;
  };

  return {
    now: () => time,
    after,
    sleep: (ms) => after(ms).done,
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
            heap.length === 0
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
