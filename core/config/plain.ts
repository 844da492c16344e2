/** One thing that is wrong, where it stands, and a text that goes on after the place: "is 300: write `300s`.". */
export interface Problem {
  path: readonly PropertyKey[];
  says: string;
}

/** Deepest nesting of maps and lists that is read; a rollout file needs 6. */
export const DEPTH_MAX = 32;

/** Keys with a meaning of their own in JavaScript, which could change what other code sees. */
const FORBIDDEN = ['__proto__', 'constructor', 'prototype'];

/** Finds everything in a value that plain JSON cannot carry, and every key that is refused at any depth. */
export function plainProblems(value: unknown, path: Problem['path'] = []): Problem[] {
  if (path.length > DEPTH_MAX)
    return [{ path, says: `is nested deeper than ${DEPTH_MAX} levels: flatten it.` }];
  if (Array.isArray(value))
    return Array.from(value, (item, index) => plainProblems(item, [...path, index])).flat();
  if (isMap(value)) return Object.entries(value).flatMap(([key, item]) => keyProblems(key, item, path));
  if (typeof value === 'string' && !value.isWellFormed())
    return [{ path, says: 'is a text with half of a character, which nothing could store: write it anew.' }];
  if (isScalar(value)) return [];
  return [{ path, says: `is ${nameOf(value)}: only JSON values are allowed here.` }];
}

/** True for a map of plain JSON: no class, no list. */
export function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What a map holds under its own keys; nothing if the value is no map. */
export function own(value: unknown, key: PropertyKey): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  return isMap(value) && Object.hasOwn(value, key) ? value[key as string] : undefined;
}

/** A text or number as a text, for comparing; empty for all else, whose own conversion to a text might throw. */
export function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function keyProblems(key: string, item: unknown, path: Problem['path']): Problem[] {
  const here = [...path, key];
  const found = plainProblems(item, here);
  if (!FORBIDDEN.includes(key)) return found;
  return [{ path: here, says: 'is refused as a key, at any depth: rename or remove it.' }, ...found];
}

const isScalar = (value: unknown) =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' ? 'an object of a class' : `of type ${typeof value}`;
}
