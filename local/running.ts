import { AsyncLocalStorage } from 'node:async_hooks';
import type { FunctionName } from '../infra/facts.ts';

const running = new AsyncLocalStorage<FunctionName>();

/** Runs code as this function of a controller. */
export const runAs = <T>(name: FunctionName, code: () => T): T => running.run(name, code);

/** The function of a controller that makes the present call; undefined if a person or a program outside does. */
export const caller = (): FunctionName | undefined => running.getStore();
