import { eventsIn, type History } from './replay.ts';

/** What is kept in the form of the text, by the type that the present code reads it as, and from where that type comes. */
const KINDS = {
  EVENTS: { type: 'RolloutEvent', from: 'core/rollout/event.ts', about: 'Events.' },
  HEADS: { type: 'Rollout', from: 'core/rollout/state.ts', about: 'Folds, as the heads hold them.' },
  INPUTS: { type: 'ExecutionInput', from: 'core/ports.ts', about: 'What executions were started with.' },
  WATCHES: { type: 'WatchdogInput', from: 'core/ports.ts', about: 'What the watchdog was armed with.' },
  MEMORIES: { type: 'ServiceRecord', from: 'core/ports.ts', about: 'What services remember.' },
} as const;

/**
 * A file of code with all that histories hold, each shape of it once, against the present types: it fails to type-check if a
 * field was renamed, taken away, or added as one that must be there.
 */
export function shapesOf(histories: History[]): string {
  const items = histories.flatMap(({ cuts }) => cuts.flatMap((cut) => cut.items));
  const cuts = histories.flatMap((history) => history.cuts);
  const schedules = cuts.flatMap((cut) => cut.schedules);
  const isLast = (name: unknown) => String(name).endsWith('-end');
  const held: Record<keyof typeof KINDS, unknown[]> = {
    EVENTS: histories.flatMap(({ events }) => Object.values(eventsIn(events.map(({ item }) => item))).flat()),
    HEADS: items.filter(({ sk }) => sk?.S === 'HEAD').map(({ body }) => JSON.parse(body?.S ?? '')),
    INPUTS: cuts.flatMap(({ executions }) => executions.map(({ input }) => JSON.parse(input))),
    WATCHES: schedules.filter(({ Name }) => !isLast(Name)).map(({ Target }) => JSON.parse(Target.Input)),
    MEMORIES: items
      .filter(({ pk }) => pk?.S?.startsWith('SERVICE#'))
      .map(({ memory, waiting }) => ({
        ...JSON.parse(memory?.S ?? '{}'),
        ...(waiting?.S ? { waiting: JSON.parse(waiting.S) } : {}),
      })),
  };
  const entries = Object.entries(KINDS).map(([name, kind]) => ({
    ...kind,
    name,
    values: distinct(held[name as keyof typeof KINDS]),
  }));
  const files = [...new Set(entries.map(({ from }) => from))].sort();
  return [
    ...files.map((file) => {
      const types = entries.filter(({ from }) => from === file).map(({ type }) => type);
      return `import type { ${types.sort().join(', ')} } from '../../../${file}';`;
    }),
    '',
    '// Recorded by `npm run histories`, never changed by hand.',
    ...entries.flatMap(({ name, type, about, values }) => [
      '',
      `/** ${about} */`,
      `export const ${name} = ${JSON.stringify(values)} satisfies ${type}[];`,
    ]),
    '',
  ].join('\n');
}

/** As few of them as show each field, and each word that stands at one: the fullest first. */
function distinct(values: unknown[]): unknown[] {
  const seen = new Set<string>();
  const known = values.map((value) => ({ value, all: [...new Set(traits(value, ''))] }));
  return known
    .toSorted((a, b) => b.all.length - a.all.length)
    .filter(({ all }) => {
      const fresh = all.filter((trait) => !seen.has(trait));
      for (const trait of fresh) seen.add(trait);
      return fresh.length > 0;
    })
    .map(({ value }) => value);
}

function traits(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => traits(each, `${path}[]`));
  if (typeof value === 'object' && value !== null) {
    const { type = '' } = value as { type?: unknown };
    return Object.entries(value).flatMap(([key, each]) => traits(each, `${path}/${type}.${key}`));
  }
  const word = typeof value === 'string' && /^[a-z][a-zA-Z]*$/.test(value) ? value : typeof value;
  return [`${path}=${word}`];
}
