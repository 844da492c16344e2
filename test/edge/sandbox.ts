import { createHash, createHmac } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import built from '../../edge/built.json' with { type: 'json' };
import type { ResponseEvent, ViewerRequest, ViewerResponse } from '../../edge/event.ts';
import { type Case, NOW } from './cases.ts';

/** What the runtime does not have, of what Node has (CloudFront developer guide, "JavaScript runtime 2.0 features", and what njs 0.7.9 lacks). */
const ABSENT = [
  ...['AggregateError', 'Atomics', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'DisposableStack'],
  ...[
    'AsyncDisposableStack',
    'FinalizationRegistry',
    'Float16Array',
    'Intl',
    'Iterator',
    'Map',
    'Proxy',
    'Reflect',
  ],
  ...[
    'Set',
    'SharedArrayBuffer',
    'SuppressedError',
    'WeakMap',
    'WeakRef',
    'WeakSet',
    'WebAssembly',
    'escape',
    'unescape',
  ],
];

/** What stands before the code of a function: what it needs to know of its site. */
const settingsOf = ({ settings = { LAYOUT: 'dir' } }: Pick<Case, 'settings'>): string =>
  Object.entries(settings)
    .map(([name, value]) => `const ${name}=${JSON.stringify(value)};`)
    .join('');

/** A built function as a script that sets `run`, which answers with the request or the answer that goes on. */
export function scriptOf(given: Case): string {
  const code: string = built[given.asks];
  const own = code.replace('import cf from "cloudfront";', '');
  return own === code
    ? `async function run(event){${settingsOf(given)}${own}return event.request}`
    : `${settingsOf(given)}${own}async function run(event){const said=await handler(event);return said}`;
}

/** What a built function makes of an event, with nothing but what the runtime has. */
export async function asked(given: Case): Promise<Case['becomes']> {
  let origin: string | undefined;
  const cf = {
    kvs: () => ({
      async get(key: string, { format }: { format: string }) {
        if (given.store === undefined || key !== 'spillway' || format !== 'json')
          throw new Error('KeyNotFound');
        return JSON.parse(given.store);
      },
    }),
    selectRequestOriginById(id: string) {
      origin = id;
    },
  };
  const context = createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
  for (const name of ABSENT) runInContext(`delete globalThis.${name}`, context);
  Object.assign(context, {
    ...{ cf, console: { log: () => {} } },
    require: (name: string) => (name === 'crypto' ? { createHash, createHmac } : undefined),
  });
  runInContext(`Date.now=()=>${NOW};`, context);
  runInContext(`"use strict";${scriptOf(given)};globalThis.run=run`, context);
  const event = JSON.parse(JSON.stringify(given.event));
  const said = await (context.run as (event: unknown) => Promise<ViewerRequest | ViewerResponse>)(event);
  return outcomeOf(said, origin);
}

/** What a request or an answer came to. */
function outcomeOf(said: ViewerRequest | ViewerResponse, origin?: string): Case['becomes'] {
  if ('uri' in said) return { uri: said.uri, ...(origin === undefined ? {} : { origin }) };
  const cookies = Object.entries((said as ResponseEvent['response']).cookies ?? {});
  return {
    status: said.statusCode,
    ...(said.body === undefined
      ? { cookies: Object.fromEntries(cookies.map(([name, { value }]) => [name, value])) }
      : {}),
  };
}
