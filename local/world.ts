import { type Account, type AccountOptions, createAccount } from './account.ts';
import { type Controller, type ControllerOptions, createController } from './controller.ts';

/** How a world is made that has one controller. */
export type WorldOptions = AccountOptions & Omit<ControllerOptions, 'prefix'>;

/** AWS in one process, with the controller deployed into it. */
export interface World extends Account, Controller {}

/** Builds a world: simulated services, real adapters, handlers and state machine. One seed gives one history if all code is model code. */
export function createWorld(options: WorldOptions): World {
  const account = createAccount(options);
  // The names of the only controller need nothing in front.
  return { ...account, ...createController(account, 'production', { ...options, prefix: '' }) };
}
