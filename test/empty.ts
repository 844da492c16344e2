import { expect } from 'vitest';

/** An empty map and nothing else: within `toMatchObject`, `{}` is matched by every object. */
export const EMPTY: unknown = expect.toBeOneOf([{}]);
