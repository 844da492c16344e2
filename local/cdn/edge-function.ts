import { createHash, createHmac } from 'node:crypto';
import { createContext, runInContext, Script } from 'node:vm';
import type { Instant } from '../../core/units.ts';
import type { RequestEvent, ResponseEvent, ViewerRequest, ViewerResponse } from '../../edge/event.ts';

/** What the runtime does not have, of what Node has (CloudFront developer guide, "JavaScript runtime 2.0 features", and what njs 0.7.9 lacks). */
const ABSENT = [
  ...['AggregateError', 'Atomics', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'DisposableStack'],
  ...['AsyncDisposableStack', 'FinalizationRegistry', 'Float16Array', 'Intl', 'Iterator', 'Map', 'Proxy'],
  ...['Reflect', 'Set', 'SharedArrayBuffer', 'SuppressedError', 'WeakMap', 'WeakRef', 'WeakSet'],
  ...['WebAssembly', 'escape', 'unescape'],
];
const BARE = new Script(ABSENT.map((name) => `delete globalThis.${name};`).join(''));

const IMPORT = /^\s*import cf from "cloudfront";/;

/** A CloudFront function as it is uploaded, and what stands before its code because it needs to know it of its site. */
export interface EdgeFunction {
  code: string;
  settings?: Readonly<Record<string, string>> | undefined;
}

/** The function as a script that sets `run`, which answers with the request or the answer that goes on. Code without an import is what runs inside another function. */
export function scriptOf({ code, settings = {} }: EdgeFunction): string {
  const known = Object.entries(settings)
    .map(([name, value]) => `const ${name}=${JSON.stringify(value)};`)
    .join('');
  const own = code.replace(IMPORT, '');
  return own === code
    ? `async function run(event){${known}${own}return event.response||event.request}`
    : `${known}${own}async function run(event){const said=await handler(event);return said}`;
}

/** What a function came to: the request or the answer that goes on, and the origin that it chose, by its id or its domain. */
export interface Outcome {
  said: ViewerRequest | ViewerResponse;
  origin?: string | undefined;
}

/**
 * A function in Node's sandbox with nothing but what the runtime has. It shows what the function does, and not that CloudFront can read
 * it: that is for njs to say. Nothing is left of a run.
 */
export function edgeFunction(
  given: EdgeFunction,
): (
  event: RequestEvent | ResponseEvent,
  at: { now: Instant; read: (key: string) => string | undefined },
) => Promise<Outcome> {
  const script = new Script(`"use strict";${scriptOf(given)};globalThis.run=run`);
  return async (event, { now, read }) => {
    let origin: string | undefined;
    const cf = {
      kvs: () => ({
        async get(key: string, { format = 'string' }: { format?: string } = {}) {
          const text = read(key);
          if (text === undefined) throw new Error('KeyNotFound');
          return format === 'json' ? JSON.parse(text) : text;
        },
      }),
      selectRequestOriginById(id: string) {
        origin = id;
      },
      updateRequestOrigin({ domainName }: { domainName: string }) {
        origin = domainName;
      },
    };
    const context = createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
    BARE.runInContext(context);
    Object.assign(context, {
      ...{ cf, console: { log: () => {} } },
      require: (name: string) => (name === 'crypto' ? { createHash, createHmac } : undefined),
    });
    runInContext(`Date.now=()=>${now};`, context);
    script.runInContext(context);
    const run = context.run as (event: unknown) => Promise<Outcome['said']>;
    const said = await run(JSON.parse(JSON.stringify(event)));
    return { said, origin };
  };
}
