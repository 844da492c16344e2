import { type Instant, WINDOW_MS } from '../../core/units.ts';

/** What some samples add up to. */
export interface Totals {
  sum: number;
  samples: number;
  max: number;
}

interface Pending extends Totals {
  visibleAt: Instant;
}

/** Minutes in one row of numbers. Any time stamp may come, so there is not one row for all. */
const ROW_MINUTES = 256;
/** The numbers of a minute: sum, samples, maximum. */
const WIDTH = 3;

const SECOND_MS = 1000;

/**
 * The samples of one metric, minute by minute, each of which can be read from its own moment on. Rows of numbers, because
 * worlds are made by the thousand with a day of minutes in each.
 */
export class MetricMinutes {
  readonly #rows = new Map<number, number[]>();
  /** What was added and cannot be read yet, by the start of its minute. */
  readonly #pending = new Map<Instant, Pending[]>();
  /** No later than the first moment at which anything pending can be read. */
  #nextAt = Number.POSITIVE_INFINITY;

  /** Adds samples to the minute that begins at `start`. */
  add(start: Instant, totals: Totals, when: { visibleAt: Instant; now: Instant }): void {
    // Whole seconds keep the list of what is pending short, however much traffic there is.
    const visibleAt = Math.ceil(when.visibleAt / SECOND_MS) * SECOND_MS;
    if (visibleAt <= when.now) this.#settle(start, totals);
    else this.#wait(start, { ...totals, visibleAt });
  }
  /** What can be read by `now` of the minutes that begin in a stretch together; undefined if nothing can. */
  read(from: Instant, to: Instant, now: Instant): Totals | undefined {
    if (this.#nextAt <= now) this.#settleAll(now);
    let totals: Totals | undefined;
    for (let start = from; start < to; start += WINDOW_MS) {
      const { row, at } = placeOf(start);
      const numbers = this.#rows.get(row);
      const samples = numbers?.[at + 1] ?? 0;
      if (samples === 0) continue;
      totals ??= { sum: 0, samples: 0, max: Number.NEGATIVE_INFINITY };
      addUp(totals, { sum: numbers?.[at] ?? 0, samples, max: numbers?.[at + 2] ?? 0 });
    }
    return totals;
  }

  #wait(start: Instant, totals: Pending): void {
    const pending = this.#pending.get(start) ?? [];
    if (pending.length === 0) this.#pending.set(start, pending);
    const alike = pending.find(({ visibleAt }) => visibleAt === totals.visibleAt);
    if (alike === undefined) pending.push(totals);
    else addUp(alike, totals);
    this.#nextAt = Math.min(this.#nextAt, totals.visibleAt);
  }

  #settle(start: Instant, { sum, samples, max }: Totals): void {
    const { row, at } = placeOf(start);
    const numbers = this.#rows.get(row) ?? this.#newRow(row);
    if (numbers[at + 1] === 0) numbers[at + 2] = Number.NEGATIVE_INFINITY;
    numbers[at] = (numbers[at] ?? 0) + sum;
    numbers[at + 1] = (numbers[at + 1] ?? 0) + samples;
    numbers[at + 2] = Math.max(numbers[at + 2] ?? 0, max);
  }

  #newRow(row: number): number[] {
    const numbers = new Array<number>(ROW_MINUTES * WIDTH).fill(0);
    this.#rows.set(row, numbers);
    return numbers;
  }

  #settleAll(now: Instant): void {
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const [start, pending] of this.#pending) {
      const left = pending.filter((each) => each.visibleAt > now);
      for (const each of pending) if (each.visibleAt <= now) this.#settle(start, each);
      if (left.length === 0) this.#pending.delete(start);
      else this.#pending.set(start, left);
      for (const { visibleAt } of left) this.#nextAt = Math.min(this.#nextAt, visibleAt);
    }
  }
}

function placeOf(start: Instant): { row: number; at: number } {
  const minute = start / WINDOW_MS;
  const row = Math.floor(minute / ROW_MINUTES);
  return { row, at: WIDTH * (minute - row * ROW_MINUTES) };
}

function addUp(to: Totals, { sum, samples, max }: Totals): void {
  to.sum += sum;
  to.samples += samples;
  to.max = Math.max(to.max, max);
}
