import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rolloutFrom } from '../../adapters/dynamodb-items.ts';
import { tokenFrom } from '../../core/rollout/fencing-token.ts';
import { type Directive, next } from '../../core/rollout/next.ts';
import { fold } from '../../core/rollout/state.ts';
import { FUNCTIONS, startedBy } from '../../infra/facts.ts';
import {
  type Cut,
  type Ends,
  eventsIn,
  goOn,
  type History,
  recordHistory,
  type StoredEvent,
  type StoredWrite,
  underMachine,
} from '../../simulation/upgrade/replay.ts';
import { sampled } from '../deep.ts';

/**
 * Where the present code does something else than the version that wrote a history, on purpose: the history as
 * `<version>/<plot>`, the number of its event or cut, what comes now, and why that is as safe. One that does not occur fails.
 */
const CHANGED: {
  history: string;
  event?: { at: number; directive: Directive };
  cut?: { at: number; ends: Ends };
  why: string;
}[] = [];

const FOLDER = new URL('./', import.meta.url);
const versions = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const textOf = (path: string) => readFileSync(new URL(path, FOLDER), 'utf8');

type Line = { plot: string; ends: Ends } | { event: StoredEvent } | { write: StoredWrite } | { cut: Cut };

function historyFrom(text: string): History {
  const history: History = { plot: '', events: [], writes: [], cuts: [], ends: nothing };
  for (const line of text
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each) as Line)) {
    if ('plot' in line) Object.assign(history, line);
    if ('event' in line) history.events.push(line.event);
    if ('write' in line) history.writes.push(line.write);
    if ('cut' in line) history.cuts.push(line.cut);
  }
  return history;
}

const nothing: Ends = { rollouts: {}, aliases: {}, locks: [], watched: [] };

const histories = versions.flatMap((version) =>
  readdirSync(new URL(`${version}/`, FOLDER))
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => ({
      version,
      name: `${version}/${file.replace('.jsonl', '')}`,
      history: historyFrom(textOf(`${version}/${file}`)),
    })),
);

const changes = <Kind extends 'event' | 'cut'>(kind: Kind, name: string, at: number) =>
  CHANGED.find((each) => each.history === name && each[kind]?.at === at)?.[kind];

/** What stands in a history's heads and is not the fold of its events. */
function misfolded({ events, cuts }: History): string[] {
  return cuts.flatMap((cut) => {
    const known = eventsIn(events.slice(0, cut.events).map(({ item }) => item));
    const heads = cut.items.filter(({ sk }) => sk?.S === 'HEAD');
    return heads.flatMap(({ rolloutId, body }) => {
      const id = rolloutId?.S ?? '';
      const folded = JSON.stringify(sorted(fold(known[id] ?? [])));
      return folded === JSON.stringify(sorted(rolloutFrom({ body: body?.S })))
        ? []
        : [`${id} after ${cut.events} events`];
    });
  });
}

/** The same value with its keys in order, and without those that are undefined. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}

/** What the present code does after each event whose successor the history knows. */
function decided({ events }: History): { at: number; was: Directive; is: Directive | undefined }[] {
  return events.flatMap(({ item, next: then }, at) => {
    if (then === undefined) return [];
    const known = eventsIn(events.slice(0, at + 1).map((each) => each.item));
    const rollout = fold(known[item.rolloutId?.S ?? ''] ?? []);
    return [{ at, was: then.directive, is: rollout && next(rollout, then.now) }];
  });
}

test('the version of package.json has its histories', () => {
  const { version } = JSON.parse(textOf('../../package.json')) as { version: string };
  expect(versions, 'npm run histories records them').toContain(version);
});

describe.each(histories)('what $name stored', ({ version, name, history }) => {
  const machine = textOf(`${version}/rollout.asl.json`);

  test('folds to the state that it stored', () => {
    expect(history.cuts.length).toBeGreaterThan(0);
    expect(misfolded(history)).toEqual([]);
  });

  test('gives the directives that it was given', () => {
    for (const { at, was, is } of decided(history))
      expect({ at, is }).toEqual({ at, is: changes('event', name, at)?.directive ?? was });
  });

  test('has tokens that can be read', () => {
    const written = history.writes.flatMap(({ input: { Description } }) =>
      Description === undefined ? [] : [String(Description)],
    );
    expect(written.map(tokenFrom)).not.toContain(undefined);
  });

  test.each(
    sampled(
      history.cuts.map((cut, at) => ({ at, after: cut.after, cut })),
      36,
      name.length,
    ),
  )('is gone on with by the present functions from cut $at, after $after', async ({ at, cut }) => {
    const changed = changes('cut', name, at)?.ends;
    expect(await goOn(history, cut, { by: 'watchdog' })).toEqual(changed ?? cut.ends.watchdog);
    expect(await goOn(history, cut, { by: 'deployment', machine })).toEqual(changed ?? cut.ends.deployment);
  });

  test('ends the same where its state machine calls the present functions from the beginning on', async () => {
    expect(await underMachine(history.plot, machine)).toEqual(history.ends);
  });
});

describe.each(versions)('the state machine of %s', (version) => {
  test('finds each function that it calls under its old name, and may call it', () => {
    const machine = textOf(`${version}/rollout.asl.json`);
    const called = [...new Set([...machine.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name))];
    expect(called.filter((name) => !(FUNCTIONS as string[]).includes(name))).toEqual([]);
    expect(called.filter((name) => !(startedBy('machine') as string[]).includes(name))).toEqual([]);
  });
});

describe('the list of changes', () => {
  test('has only what occurs, and each with its reason', () => {
    for (const { history: name, event, cut, why } of CHANGED) {
      const found = histories.find((each) => each.name === name)?.history;
      expect(why.length, name).toBeGreaterThan(20);
      if (event !== undefined)
        expect(found && decided(found).find(({ at }) => at === event.at)?.was).not.toEqual(event.directive);
      if (cut !== undefined) expect(found?.cuts[cut.at]?.ends.watchdog).not.toEqual(cut.ends);
    }
  });
});

describe('the replay', () => {
  const first = histories[0]?.history ?? expect.fail('nothing was recorded');

  /** A history as a version would have stored it that calls a field otherwise. */
  const renamed = (history: History, from: string, to: string): History =>
    JSON.parse(JSON.stringify(history).replaceAll(`\\"${from}\\":`, `\\"${to}\\":`)) as History;

  test('sees a field of an event that is called otherwise', () => {
    expect(misfolded({ ...first, events: renamed(first, 'weight', 'share').events })).not.toEqual([]);
    const directives = decided(renamed(first, 'weight', 'share'));
    expect(directives.filter(({ was, is }) => JSON.stringify(was) !== JSON.stringify(is))).not.toEqual([]);
  });

  test('sees an input of the watchdog that the present one does not take', async () => {
    const cut = first.cuts[1] ?? expect.fail('no cut');
    const ends = await goOn(first, renamed({ ...first, cuts: [cut] }, 'rolloutId', 'id').cuts[0] ?? cut, {
      by: 'watchdog',
    }).catch(String);
    expect(ends).not.toEqual(cut.ends.watchdog);
  });
});

describe('a recording', () => {
  test('is the same twice, so that what differs was changed by somebody', async () => {
    expect(JSON.stringify(await recordHistory('reverted'))).toBe(
      JSON.stringify(await recordHistory('reverted')),
    );
  });

  test.each(histories)(
    '$name is before the type-checker with each field that it holds',
    ({ version, history }) => {
      const text = textOf(`${version}/shapes.ts`);
      const events = Object.values(eventsIn(history.events.map(({ item }) => item))).flat();
      expect(fieldsOf(events).filter((field) => !new RegExp(`\\b${field}\\b'?:`).test(text))).toEqual([]);
    },
  );
});

/** The names of all fields in a value; what is no word is the key of a record. */
function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value).filter((key) => /^[a-zA-Z]+$/.test(key));
  return [...new Set([...own, ...Object.values(value).flatMap(fieldsOf)])];
}
