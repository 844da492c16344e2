import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Ports } from '../controller/ports.ts';
import type { Hook } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Instant } from '../core/units.ts';
import { ALIAS } from '../local/account.ts';
import type { Model } from '../local/services/lambda.ts';
import type { ModelTraffic, modelTraffic, Rate } from '../local/traffic.ts';
import { createWorld, type World, type WorldOptions } from '../local/world.ts';
import { memoryStore } from './memory-store.ts';

export const SERVICE = 'checkout-api';
export const FUNCTION = 'checkout-prod-Api';

/** What one version does to its users: shares of requests that throw, that answer 5xx, and that lose their order and say nothing. */
export interface Behaviour {
  errors?: number | Rate;
  faults?: number | Rate;
  lost?: number | Rate;
  /** Shares of its requests that are turned away, that AWS counts nowhere, that run into the time-out, and that nobody makes because the answers come slowly. */
  throttled?: number | Rate;
  uncounted?: number | Rate;
  hanging?: number | Rate;
  unasked?: number | Rate;
  /** Share of its requests that Lambda ends for their memory. */
  killed?: number | Rate;
}

export interface ScenarioOptions extends Omit<WorldOptions, 'store'> {
  /** What the journal and the budget are kept in; `memory` unless said otherwise. */
  journal?: 'memory' | 'dynamodb' | undefined;
  requestsPerSecond?: number | ((at: Instant) => number);
  stable?: Behaviour;
  /** What both versions do to their users alike, as `modelTraffic` says. */
  weather?: Parameters<typeof modelTraffic>[0]['weather'];
  /** Median durations in milliseconds; not counted if it is not said. */
  medianMs?: Rate;
  /** Whether the function counts orders, and those it lost, in metrics of its own. */
  hasOrders?: boolean;
  /** Which versions count their answers; all do if it is not said. */
  counters?: (version: string) => boolean;
  /** Time-out of the function; 3 s if it is absent. */
  timeoutSeconds?: number;
  /** Which counts come late, as `modelTraffic` says. */
  lateness?: Parameters<typeof modelTraffic>[0]['lateness'];
  /** Whether lost orders are counted in two units, and which counters are stamped in the future, as `modelTraffic` says. */
  mixedUnits?: Parameters<typeof modelTraffic>[0]['mixedUnits'];
  aheadMs?: Parameters<typeof modelTraffic>[0]['aheadMs'];
  /** By version; the first release is version 2. */
  canaries?: Record<string, Behaviour>;
  /** What any further version does. */
  others?: Behaviour;
  /** Who is asked besides the smoke tests of the rollout file. */
  hooks?: Hook[];
  /** Changes to the rollout file. */
  rollout?: Record<string, unknown>;
  /** Targets of other kinds that go out with the function, by their names: what the file says of them, and what each release is. */
  beside?: Record<string, { spec: object; artifact: object }>;
  /** Further tags of the function. */
  tags?: Record<string, string>;
  /** The zip or model that stable runs; without it, stable is only counted. */
  code?: Uint8Array | Model;
  /** Minutes of traffic before the first release, so that stable has a history. */
  warmMinutes?: number;
}

/** A world with one service, its function at version 1 behind the alias, traffic, and what a test needs to release. */
export interface Scenario extends World {
  traffic: ModelTraffic;
  /** Publishes the next version and uploads its manifest; answers the id of the rollout it asks for. */
  release(changes?: {
    release?: string;
    order?: number;
    /** A zip to publish from, instead of a version that was published before. */
    zip?: Uint8Array;
    /** An image to publish from. */
    image?: string;
    /** A version that was published before. */
    version?: string;
    manifest?: Record<string, unknown>;
    rollout?: Record<string, unknown>;
  }): Promise<string>;
  /** Where the alias sends its traffic now. */
  alias(): { primary: string; weights: Record<string, number> };
  /** Releases and waits for the end. */
  run(changes?: Parameters<Scenario['release']>[0]): Promise<Rollout>;
}

export const ROLLOUT = {
  service: SERVICE,
  targets: { api: { lambda: FUNCTION, alias: ALIAS } },
  steps: [
    { weight: 10, bake: '3m' },
    { weight: 50, bake: '3m' },
  ],
  verify: '3m',
};

/** Sets the stage for model functions: nothing runs but the controller, and the traffic is counted. */
export function createScenario(options: ScenarioOptions): Scenario {
  const world = createWorld({
    ...options,
    store: options.journal === 'dynamodb' ? undefined : memoryStore,
    changePorts: (ports) => withHooks(options.changePorts?.(ports) ?? ports, options.hooks ?? []),
  });
  const { helpers } = world.lambda;
  helpers.createFunction({
    name: FUNCTION,
    tags: { 'spillway:service': SERVICE, ...options.tags },
    ...(options.timeoutSeconds === undefined ? {} : { timeout: options.timeoutSeconds }),
  });
  const first =
    options.code === undefined ? helpers.publishCounted(FUNCTION) : helpers.publish(FUNCTION, options.code);
  helpers.createAlias(FUNCTION, ALIAS, first);
  const rate =
    (kind: keyof Behaviour, usual = 0.001): Rate =>
    (version, at, weight) => {
      const behaviour =
        version === first ? (options.stable ?? {}) : (options.canaries?.[version] ?? options.others ?? {});
      const share = behaviour[kind] ?? usual;
      return typeof share === 'number' ? share : share(version, at, weight);
    };
  const traffic = world.addTraffic({
    functionName: FUNCTION,
    requestsPerSecond: options.requestsPerSecond ?? 50,
    errorRate: rate('errors'),
    faultRate: rate('faults'),
    ...(options.weather === undefined ? {} : { weather: options.weather }),
    ...(options.counters === undefined ? {} : { counters: options.counters }),
    throttleRate: rate('throttled', 0),
    uncountedRate: rate('uncounted', 0),
    hangingRate: rate('hanging', 0),
    unaskedRate: rate('unasked', 0),
    killedRate: rate('killed', 0),
    ...(options.mixedUnits === undefined ? {} : { mixedUnits: options.mixedUnits }),
    ...(options.aheadMs === undefined ? {} : { aheadMs: options.aheadMs }),
    timeoutMs: 1000 * (options.timeoutSeconds ?? 3),
    ...(options.lateness === undefined ? {} : { lateness: options.lateness }),
    ...(options.hasOrders ? { lostRate: rate('lost') } : {}),
    ...(options.medianMs === undefined ? {} : { medianMs: options.medianMs }),
  });
  let releases = 0;
  const release: Scenario['release'] = async (changes = {}) => {
    releases += 1;
    const name = changes.release ?? `r${releases}`;
    const { zip, image, version } = changes;
    const api =
      zip !== undefined
        ? { zip: await uploadZip(world, `releases/${SERVICE}/${name}/api.zip`, zip) }
        : image !== undefined
          ? { image }
          : { version: version ?? helpers.publishCounted(FUNCTION) };
    const beside = Object.entries(options.beside ?? {});
    const specs = Object.fromEntries(beside.map(([name, { spec }]) => [name, spec]));
    const artifacts = Object.fromEntries(beside.map(([name, { artifact }]) => [name, artifact]));
    const { targets: own = { api }, ...manifest } = changes.manifest ?? {};
    await world.upload(`releases/${SERVICE}/${name}/manifest.json`, {
      schema: 1,
      service: SERVICE,
      environment: world.environment,
      release: name,
      order: changes.order ?? releases,
      targets: { ...Object(own), ...artifacts },
      rollout: {
        ...{ ...ROLLOUT, targets: { ...ROLLOUT.targets, ...specs } },
        ...{ ...options.rollout, ...changes.rollout },
      },
      ...manifest,
    });
    return `${SERVICE}--${name}--1`;
  };
  return {
    ...world,
    traffic,
    release,
    alias: () => {
      const { primary, weights } = helpers.routing(FUNCTION, ALIAS);
      return { primary, weights };
    },
    async run(changes) {
      await world.clock.sleep((options.warmMinutes ?? 20) * 60_000);
      return world.ended(await release(changes));
    },
  };
}

/** Uploads code as a pipeline does, and answers what its manifest says of it. */
export async function uploadZip({ clients, bucket }: World, Key: string, Body: Uint8Array) {
  const { VersionId } = await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  return { key: Key, versionId: VersionId, sha256: createHash('sha256').update(Body).digest('base64') };
}

/** Adds hooks to every rollout when it is opened. */
function withHooks(ports: Ports, hooks: Hook[]): Ports {
  if (hooks.length === 0) return ports;
  const { journal } = ports;
  const open: typeof journal.open = (events, decidedOn) =>
    journal.open(
      events.map((event) =>
        event.type === 'RolloutOpened' ? { ...event, hooks: [...event.hooks, ...hooks] } : event,
      ),
      decidedOn,
    );
  return { ...ports, journal: { ...journal, open } };
}
