import { LATENCY_MS } from '../latency.ts';
import { placedDice } from '../random.ts';
import type { SimulatedKeyValueStore } from '../services/cloudfront-kvs.ts';

/** What each edge location sees of a store. */
export interface EdgeValues {
  /** The text under a key as this location has it now; undefined if there is none. */
  at(edge: string, key: string): string | undefined;
}

/** A store as edge locations see it, each after a time of its own. */
export function edgeValues(kvs: Pick<SimulatedKeyValueStore, 'helpers'>, name: string, seed = 1): EdgeValues {
  const share = placedDice(`edge values ${seed}`);
  const { kvsPropagation: max, kvsPropagationMin: min } = LATENCY_MS;
  return { at: (edge, key) => kvs.helpers.atEdge(name, key, min + share(edge, 0) * (max - min)) };
}
