import type { Readings } from '../core/readings.ts';

/** How an interface talks to a controller, wherever that is. */
export interface Client {
  read<What extends keyof Readings>(what: What, more?: Record<string, unknown>): Promise<Readings[What]>;
  command(input: Record<string, unknown>): Promise<{ rolloutId: string }>;
  /** Uploads one object of a release and answers its version id; one that exists already is refused. */
  upload(key: string, body: Uint8Array, onProgress: (done: number, total: number) => void): Promise<string>;
  /** Takes the canary out without the controller's functions and journal, in somebody's name. */
  revertDirectly(rolloutId: string, by: string): Promise<string[]>;
}
