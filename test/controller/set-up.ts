import { executionInput } from '../../controller/execution.ts';
import type { Ports } from '../../controller/ports.ts';
import type { ExecutionInput } from '../../core/ports.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { lambda, type Task } from '../../functions/_lambda.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { createScenario, FUNCTION, type Scenario, type ScenarioOptions } from '../../simulation/scenario.ts';

/** What the functions under test did to executions; none of them runs here. */
interface Recorded {
  started: ExecutionInput[];
  stopped: { rolloutId: string; epoch: number }[];
  woken: string[];
}

/** A scenario in which nothing happens by itself: events are caught, and each function is called by hand. */
export interface Stage extends Recorded {
  clock: VirtualClock;
  scenario: Scenario;
  ports: Ports;
  /** Calls a function with its middleware, as Lambda would; `ports` stand in for those of the stage. */
  call<Input, Output, Names extends keyof Ports>(
    task: Task<Input, Output, Names>,
    event: unknown,
    ports?: Ports,
  ): Promise<Output>;
  /** Publishes the next version, uploads its manifest and answers the event of that upload. */
  upload(changes?: Parameters<Scenario['release']>[0]): Promise<unknown>;
  /** Uploads what is no release of the scenario and answers the event of that. */
  uploadBody(key: string, body: string | Uint8Array | object): Promise<unknown>;
  /** Opens a rollout and answers what its execution would be started with. */
  open(changes?: Parameters<Scenario['release']>[0]): Promise<ExecutionInput>;
  /** Opens a rollout whose canary has its first 10 %. */
  openRaised(changes?: Parameters<Scenario['release']>[0]): Promise<ExecutionInput>;
  rollout(id?: string): Promise<Rollout>;
  /** The kinds of events in the journal. */
  history(id?: string): Promise<string[]>;
  /** What stands on the alias. */
  standing(): { primary: string; weights: Record<string, number>; token: string };
  /** Changes the alias as a stranger would. */
  meddle(change: {
    FunctionVersion?: string;
    weights?: Record<string, number>;
    Description?: string;
  }): Promise<void>;
}

export const FIRST = 'checkout-api--r1--1';

export function setUp(options: Partial<ScenarioOptions> = {}): Stage {
  const clock = virtualClock();
  const events: unknown[] = [];
  const recorded: Recorded = { started: [], stopped: [], woken: [] };
  const scenario = createScenario({
    ...options,
    clock,
    rateLimits: false,
    around: async (name, event, call) => {
      if (name !== 'OpenRollout') return undefined;
      // What is handed over is opened at once, by this function as well.
      if (Object.hasOwn(event as object, 'open')) return call(event);
      events.push(event);
      return undefined;
    },
    changePorts: (ports) => ({ ...ports, executions: recorder(recorded) }),
  });
  const { ports } = scenario;
  const caught = async (uploading: Promise<unknown>): Promise<unknown> => {
    await clock.run(uploading);
    await clock.advance(1000);
    return events.at(-1);
  };
  const call: Stage['call'] = (task, event, given = ports) =>
    clock.run(lambda(task, () => given)(event)) as Promise<never>;
  const rollout = async (id = FIRST) => {
    const found = await ports.journal.read(id);
    if (found === undefined) throw new Error(`${id} is not in the journal.`);
    return found;
  };
  const upload: Stage['upload'] = (changes) => caught(scenario.release(changes));
  const open: Stage['open'] = async (changes) => {
    const { rolloutId, result, reason } = await call(openRollout, await upload(changes));
    if (result !== 'opened') throw new Error(`${rolloutId} was not opened but ${result}: ${reason}`);
    return executionInput(await rollout(rolloutId));
  };
  return {
    ...recorded,
    clock,
    scenario,
    ports,
    call,
    upload,
    uploadBody: (key, body) => caught(scenario.upload(key, body)),
    open,
    async openRaised(changes) {
      const ref = await open(changes);
      await call(shiftTraffic, ref);
      return ref;
    },
    rollout,
    history: async (id = FIRST) => (await ports.journal.events(id)).map(({ type }) => type),
    standing() {
      const { primary, weights, description } = scenario.lambda.helpers.routing(FUNCTION, ALIAS);
      return { primary, weights, token: description };
    },
    async meddle({ weights, ...change }) {
      const shares = Object.entries(weights ?? {}).map(([version, weight]) => [version, weight / 100]);
      await scenario.lambda.operations.UpdateAliasCommand({
        FunctionName: FUNCTION,
        Name: ALIAS,
        ...change,
        ...(weights === undefined
          ? {}
          : { RoutingConfig: { AdditionalVersionWeights: Object.fromEntries(shares) } }),
      } as never);
    },
  };
}

function recorder({ started, stopped, woken }: Recorded): Ports['executions'] {
  return {
    async start(input) {
      const isThere = started.some(
        (each) => each.rolloutId === input.rolloutId && each.epoch === input.epoch,
      );
      if (!isThere) started.push(structuredClone(input));
    },
    stop: async (rolloutId, epoch) => void stopped.push({ rolloutId, epoch }),
    wake: async (token) => void woken.push(token),
  };
}

/** The event of an object that was never uploaded. */
export function eventFor(key: string, versionId = 'v1'): unknown {
  return { detail: { bucket: { name: 'releases' }, object: { key, 'version-id': versionId } } };
}

/** The same ports, whose journal fails in some of its methods. */
export function withJournal(ports: Ports, journal: Partial<Ports['journal']>): Ports {
  return { ...ports, journal: { ...ports.journal, ...journal } };
}

export const unreachable = async (): Promise<never> => {
  throw Object.assign(new Error('The table could not be reached.'), {
    name: 'Unavailable',
    code: 'Unavailable',
  });
};
