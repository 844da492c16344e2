import { afterEach, describe, expect, test } from 'vitest';
import { streamRecords } from '../../adapters/dynamodb-stream.ts';
import { parseRolloutFile } from '../../adapters/rollout-file.ts';
import { manifestKeyFrom } from '../../core/config/manifest.ts';
import { type ErrorCode, RolloutError } from '../../core/errors.ts';
import { hookAnswerFrom } from '../../core/hook-answer.ts';
import { lambda } from '../../functions/_lambda.ts';
import { journalStream } from '../../functions/journal-stream.ts';
import type { FunctionName } from '../../infra/facts.ts';
import { controllerFunctions } from '../../local/functions.ts';
import { changed, thrownBy } from '../core/config/files.ts';
import { sampled } from '../deep.ts';
import { manifestFrom, rolloutFileFrom } from '../formats.ts';
import { type Case, casesOf, grown, type Written } from './cases.ts';

const FILE = `service: checkout-api
targets:
  api: { lambda: checkout-prod-Api, alias: live }
steps:
  - { weight: 10, bake: 5m }
`;
const FILE_NORMAL = {
  schema: 1,
  service: 'checkout-api',
  targets: { api: { lambda: 'checkout-prod-Api', alias: 'live', source: 'http' } },
  steps: [{ weight: 10, bake: '5m' }],
  verify: '10m',
};
const KEY = { service: 'checkout-api', release: 'r1' };
const MANIFEST = {
  schema: 1,
  ...KEY,
  environment: 'prod',
  order: 7,
  targets: { api: { version: '12' } },
  rollout: FILE_NORMAL,
};

/** Longest message that may come of an input: it travels in the journal and in logs. */
const MESSAGE_MAX = 20_000;

function expectRefused(error: unknown, code: ErrorCode, { refused = [] }: Case): void {
  expect(RolloutError.is(error, code), String(error).slice(0, 1000)).toBe(true);
  const { message } = error as Error;
  expect(message.length).toBeLessThan(MESSAGE_MAX);
  for (const words of [refused].flat()) expect(message).toContain(words);
}

const builtIn = () => [Object.prototype, Array.prototype, Function.prototype].map(Reflect.ownKeys);
const before = builtIn();
// Whatever was read, what all objects share is as it was.
afterEach(() => expect(builtIn()).toEqual(before));

type FileCase = { text?: Written; add?: Written; swap?: [from: string, to: string] };

describe('a rollout file of', () => {
  const textOf = ({ text, add, swap }: FileCase) => {
    if (text !== undefined) return grown(text);
    if (add !== undefined) return FILE + grown(add);
    expect(FILE).toContain(swap?.[0]);
    return FILE.replace(swap?.[0] ?? '', () => swap?.[1] ?? '');
  };

  test.each(sampled(casesOf<FileCase>('rollout-files'), 2))('$name', (nasty) => {
    const read = () => rolloutFileFrom(parseRolloutFile(textOf(nasty), 'f.yml'));
    if (nasty.accepted === undefined) return expectRefused(thrownBy(read), 'RolloutFileInvalid', nasty);
    expect(read()).toEqual({ ...FILE_NORMAL, ...nasty.accepted });
    expect(rolloutFileFrom(JSON.parse(JSON.stringify(read())))).toEqual(read());
  });
});

describe('a manifest of', () => {
  type Changed = { text?: Written; path?: string[]; put?: unknown };
  const textOf = ({ text, path = [], put }: Changed) =>
    text === undefined ? JSON.stringify(changed(MANIFEST, path, put)) : grown(text);

  test.each(sampled(casesOf<Changed>('manifests'), 2, 1))('$name', (nasty) => {
    const read = () => manifestFrom(new TextEncoder().encode(textOf(nasty)), KEY, 'prod');
    if (nasty.accepted === undefined) return expectRefused(thrownBy(read), 'ManifestInvalid', nasty);
    expect(read()).toEqual({ ...MANIFEST, reversible: true, ...nasty.accepted });
  });
});

test.each(casesOf<{ key: Written }>('keys'))('a key $name', ({ key, accepted }) => {
  expect(manifestKeyFrom(grown(key))).toEqual(accepted);
});

const REACHED = 'The ports were asked for.';
const controller = controllerFunctions(() => {
  throw new Error(REACHED);
});
const handlers = {
  ...controller,
  // What Lambda hands over from the table; the embedded world tells the records themselves.
  JournalStream: lambda({ ...journalStream, input: streamRecords }, () => {
    throw new Error(REACHED);
  }),
};
type EventCase = { function: FunctionName; event: unknown };

describe.each(['events', 'state-inputs'])('%s:', (file) => {
  test.each(casesOf<EventCase>(file))('$name', async (nasty) => {
    const error = await handlers[nasty.function](nasty.event).catch((thrown: unknown) => thrown);
    if (nasty.accepted === undefined) expectRefused(error, 'EventInvalid', nasty);
    else expect((error as Error).message).toBe(REACHED);
  });
});

test.each(sampled(casesOf<{ text: Written }>('hook-answers'), 2, 1))(
  'an answer of a hook: $name',
  (nasty) => {
    const answer = hookAnswerFrom(grown(nasty.text));
    if (nasty.accepted !== undefined) return expect(answer).toMatchObject(nasty.accepted);
    expect(answer.status).toBe('broken');
    expect(answer.reason).toContain(nasty.refused);
  },
);
