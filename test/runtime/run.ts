import { readFileSync } from 'node:fs';
import { ALONE, type Came, type Case, TOGETHER } from './cases.mjs';
import { EVENTS } from './events.mjs';

const source = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

/** One environment of Lambda: its code as files, of which `index.handler` is the handler, what it is asked, and the cases that it is asked of. */
export interface Environment {
  name: string;
  files: Record<string, string>;
  events: object[];
  cases: Case[];
}

/** All environments that the table takes. */
export const ENVIRONMENTS: Environment[] = [
  ...ALONE.map((each, index) => ({
    name: `${each.event}: ${each.name}`,
    files: filesOf(`const { handler } = ALONE[${index}];
const counted = ${each.wrap ?? 'withSpillway(handler)'};`),
    ...{ events: eventsOf(each), cases: [each] },
  })),
  {
    name: 'all answers',
    files: filesOf(`const all = TOGETHER.map(({ handler }) => withSpillway(handler));
const counted = (...args) => all[args[0].nth](...args);`),
    events: TOGETHER.flatMap((each, nth) => eventsOf(each).map((event) => ({ ...event, nth }))),
    cases: TOGETHER,
  },
];

function filesOf(code: string): Record<string, string> {
  return {
    'index.mjs': `import { ALONE, TOGETHER } from './cases.mjs';
import { withSpillway } from './with-spillway.mjs';
${code}
export { counted as handler };
`,
    'cases.mjs': source('./cases.mjs'),
    'with-spillway.mjs': source('../../runtime/with-spillway.mjs'),
  };
}

function eventsOf({ event }: Case): object[] {
  return [
    { ...EVENTS[event], fail: true },
    { ...EVENTS[event], fail: false },
  ];
}

/** What should come of the events of an environment under a runtime such as `nodejs22.x`, with the case that each is of. */
export function expectedOf({ cases }: Environment, runtime: string): (Came & { of: string })[] {
  const isBefore24 = Number(/\d+/.exec(runtime)?.[0]) < 24;
  return cases.flatMap(({ event, name, before24, from24 = before24 }) =>
    (isBefore24 ? before24 : from24).map((came) => ({ ...came, of: `${event}: ${name}` })),
  );
}

/** What came of the events of an environment, with the case that each is of. */
export function cameOf({ cases }: Environment, came: Came[]): (Came & { of: string })[] {
  return came.map((each, index) => {
    const of = cases[Math.floor(index / 2)];
    return { ...each, of: `${of?.event}: ${of?.name}` };
  });
}

/** What a log says was counted, in the words of the table, or the lines themselves if the table has no word for them. */
export function countedIn(logs: readonly string[]): Came['counts'] {
  const lines = logs.filter((line) => line.startsWith('{"_aws"'));
  const [line] = lines;
  if (line === undefined) return 'none';
  const { _aws, FunctionName, Resource, ExecutedVersion, ...counts } = JSON.parse(line);
  const { BatchItems, BatchFailures, First, Young, ...answers } = counts;
  const names = _aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
  const key = JSON.stringify(answers);
  // An environment of the table is young throughout, and its first answer is its first.
  const isOfFault = [First, Young].every((each) => each === undefined || each === answers.Faults);
  const word = new Map<string, Came['counts']>([
    ['{"Responses":1,"Faults":0,"ClientErrors":0}', 'ok'],
    ['{"Responses":1,"Faults":1,"ClientErrors":0}', 'fault'],
    ['{"Responses":1,"Faults":0,"ClientErrors":1}', 'client'],
  ]).get(key);
  const batch = key === '{"Responses":1,"Faults":0}' && BatchItems === 3 ? BatchFailures : undefined;
  const failedBatch = key === '{"Responses":1,"Faults":1}' && BatchItems === 3 ? 'fault' : undefined;
  const said = word ?? batch ?? failedBatch;
  const isKnown = lines.length === 1 && String(names) === String(Object.keys(counts));
  return isKnown && isOfFault && Young !== undefined && said !== undefined ? said : lines.join(' ');
}
