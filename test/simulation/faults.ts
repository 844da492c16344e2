import { AsyncLocalStorage } from 'node:async_hooks';
import { RolloutError } from '../../core/errors.ts';
import type { Ports } from '../../functions/_task.ts';
import type { ControllerFunction } from '../../local/controller.ts';
import type { WorldOptions } from '../../local/world.ts';

/** A moment at which a controller function can die: around its handler, and around each call it makes. */
export interface Point {
  fn: ControllerFunction;
  /** Which invocation of this function, from 1. */
  nth: number;
  /** `handler`, an AWS command, or a method of the journal such as `journal.append`. */
  op: string;
  phase: 'before' | 'after';
}

interface Invocation {
  fn: ControllerFunction;
  nth: number;
  isDead: boolean;
  die(): void;
}

/** The three places where a test can stand in a world. */
export interface Hooks {
  around: NonNullable<WorldOptions['around']>;
  intercept: NonNullable<WorldOptions['intercept']>;
  changePorts: NonNullable<WorldOptions['changePorts']>;
  /** True where a controller function is calling, and not a person or a test. */
  isInside(): boolean;
}

const never = new Promise<never>(() => {});

/** Kills the process of a function at each point where `dies` says so: what it had sent stays sent, nothing more is, and Step Functions sees `error`. */
export function crashes(
  dies: (point: Point) => boolean,
  error: () => string = () => 'Runtime.ExitError',
): Hooks {
  const running = new AsyncLocalStorage<Invocation>();
  const counts = new Map<ControllerFunction, number>();
  const passes = async (op: string, phase: Point['phase']): Promise<void> => {
    const invocation = running.getStore();
    if (invocation === undefined) return;
    if (!invocation.isDead && dies({ fn: invocation.fn, nth: invocation.nth, op, phase })) invocation.die();
    if (invocation.isDead) await never;
  };
  const guarded = async <T>(op: string, call: () => Promise<T>): Promise<T> => {
    await passes(op, 'before');
    const answer = await call();
    await passes(op, 'after');
    return answer;
  };
  return {
    around(fn, event, call) {
      const nth = (counts.get(fn) ?? 0) + 1;
      counts.set(fn, nth);
      return new Promise((resolve, reject) => {
        const death = Object.assign(new Error(`${fn} was killed`), { name: error() });
        const invocation: Invocation = {
          fn,
          nth,
          isDead: false,
          die() {
            invocation.isDead = true;
            reject(death);
          },
        };
        running.run(invocation, () => guarded('handler', () => call(event))).then(resolve, reject);
      });
    },
    isInside: () => running.getStore() !== undefined,
    intercept: (command, _input, call) => guarded(command, call),
    changePorts: (ports) => ({ ...ports, journal: everyCall(ports.journal, 'journal', guarded) }),
  };
}

type Around = <T>(op: string, call: () => Promise<T>) => Promise<T>;

/** A port whose every method goes through `around`. */
export function everyCall<Port extends object>(port: Port, name: string, around: Around): Port {
  return new Proxy(port, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      return (...given: unknown[]) =>
        around(`${name}.${String(key)}`, async () => method.apply(target, given) as unknown);
    },
  });
}

/** A journal that cannot be reached while `isOut` says so. */
export function journalOutage(isOut: () => boolean): (ports: Ports) => Ports {
  return (ports) => ({
    ...ports,
    journal: everyCall(ports.journal, 'journal', async (op, call) => {
      if (isOut()) throw new RolloutError('Unavailable', `${op} found no journal.`);
      return call();
    }),
  });
}

/** An error as a service answers it that is down for a while. */
export const serviceDown = (): Error =>
  Object.assign(new Error('Please try again.'), {
    name: 'InternalServiceException',
    $metadata: { httpStatusCode: 500 },
  });
