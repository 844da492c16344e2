import type { RecentQuery } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import type { UnsignedRequest } from '../core/rollout/command-request.ts';
import type { Site } from './site.ts';

/** What people want of a rollout. `by` is who says so: the API knows better. */
type Wanted = Exclude<UnsignedRequest, { command: 'answer' }>;

type LinkAction = 'view' | 'pause' | 'abort';

/** How an interface talks to a controller, wherever that is. All methods reject with RolloutError `Unavailable`, or an error of AWS, where it cannot be reached. */
export interface Client {
  about(): Promise<Readings['about']>;
  /** Rollouts that have not ended. */
  running(): Promise<Readings['running']>;
  /** Rollouts of a service, ended ones included, the newest first: at most `limit`, which is 20 if it is not said and 100 at the most. */
  recent(query: Omit<RecentQuery, 'limit'> & { limit?: number }): Promise<Readings['recent']>;
  service(name: string): Promise<Readings['service']>;
  /** What people may see of a rollout. */
  rollout(rolloutId: string): Promise<Readings['rollout']>;
  /** Its oldest events after version `after`, as many as fit into one answer and at most `limit`. */
  events(rolloutId: string, after: number, limit?: number): Promise<Readings['events']>;
  /** Answers the rollout that it leads to. @throws RolloutError if it is refused */
  command(request: Wanted): Promise<{ rolloutId: string }>;
  /** Makes an address that shows a rollout, or pauses or aborts it once its button is pressed, without a sign-in. @throws RolloutError if the API is not there for the caller */
  link(rolloutId: string, action: LinkAction): Promise<{ url: string; expiresAt: number }>;
  /** Uploads one object of a release and answers its version id. @throws Error PreconditionFailed if it exists already */
  upload(key: string, body: Uint8Array, onProgress: (done: number, total: number) => void): Promise<string>;
  /** The site whose KeyValueStore has this name. @throws RolloutError TargetInvalid if there is none */
  site(store: string): Promise<Site>;
  /** Takes the canary out without the controller's functions and journal, in somebody's name; answers a line for each target. */
  revertDirectly(rolloutId: string, by: string): Promise<string[]>;
}
