import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';
import { LATENCY_MS } from '../latency.ts';
import { placedDice } from '../random.ts';

/** What each edge location sees of a store. */
export interface EdgeValues {
  /** The text under a key as this location has it now; undefined if there is none. */
  at(edge: string, key: string): string | undefined;
}

/** A store whose values reach each edge location after a time of its own; a location never goes back to an older value. */
export class PropagatingValues implements EdgeValues {
  readonly #clock: Clock;
  readonly #dice: (place: string, nth: number) => number;
  readonly #written = new Map<string, { at: Instant; text: string | undefined }[]>();

  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#dice = placedDice(`edge values ${seed}`);
  }

  /** Writes a value, or deletes it. */
  set(key: string, text: string | undefined): void {
    this.#written.set(key, [...(this.#written.get(key) ?? []), { at: this.#clock.now(), text }]);
  }

  at(edge: string, key: string): string | undefined {
    const now = this.#clock.now();
    const { edgeValueMin, edgeValueMax } = LATENCY_MS;
    const written = this.#written.get(key) ?? [];
    const delayMs = (nth: number) =>
      edgeValueMin + this.#dice(`${edge} ${key}`, nth) * (edgeValueMax - edgeValueMin);
    return written.findLast(({ at }, nth) => at + delayMs(nth) <= now)?.text;
  }
}
