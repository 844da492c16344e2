/**
 * Stands in for the `pulumi` that SST's command line calls, which is not on the npm registry: the program runs under the
 * mocks, and what it registers is compared with the state. It knows what SST asks for and refuses everything else. It does
 * not know what replaces a resource, nor in which order they are made, and keeps secrets as they are.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { answerOf, type Graph, type Resource } from './program.ts';

/** A resource in Pulumi's state (its SDK, `apitype.ResourceV3`), as far as SST reads it. */
interface Kept {
  urn: string;
  custom: boolean;
  type: string;
  id?: string;
  parent?: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  protect: boolean;
  retainOnDelete: boolean;
}

type Op = 'create' | 'update' | 'same' | 'delete';

/** One resource of a deployment, before and after it. */
interface Step {
  op: Op;
  old?: Kept;
  new?: Kept;
}

/** The stack that a call is about, and where SST reads what happens to it. */
interface Call {
  project: string;
  stack: string;
  eventLog: string;
}

const STACK = 'pulumi:pulumi:Stack';

/** Where the engine's own backend of files keeps a stack; SST runs it in a folder made for one command. */
const stateFile = ({ project, stack }: Omit<Call, 'eventLog'>) =>
  join(process.cwd(), '.pulumi', 'stacks', project, `${stack}.json`);

function stateOf(call: Call): Kept[] {
  const { checkpoint } = JSON.parse(readFileSync(stateFile(call), 'utf8'));
  return checkpoint.latest.resources ?? [];
}

function keep(call: Omit<Call, 'eventLog'>, resources: Kept[]): void {
  const file = stateFile(call);
  mkdirSync(dirname(file), { recursive: true });
  const manifest = { time: new Date(0).toISOString(), magic: '', version: '' };
  const checkpoint = { stack: `organization/${call.project}/${call.stack}`, latest: { manifest, resources } };
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint }));
}

/** The state that a graph would leave behind; the stack itself comes first, with what the program answers. */
function stateFrom({ resources, outputs }: Omit<Graph, 'app'>, { project, stack }: Call): Kept[] {
  const urn = (type: string, name: string) => `urn:pulumi:${stack}::${project}::${type}::${name}`;
  const root = urn(STACK, `${project}-${stack}`);
  const kept = ({ type, name, parent, inputs, outputs: registered, options }: Resource): Kept => {
    const [parentType = '', parentName = ''] = parent?.split(' ') ?? [];
    const custom = !type.startsWith('sst:');
    return {
      urn: urn(type, name),
      custom,
      type,
      ...(custom ? { id: name } : {}),
      parent: parent === undefined ? root : urn(parentType, parentName),
      inputs,
      outputs: custom ? inputs : (registered ?? {}),
      protect: options.protect,
      retainOnDelete: options.retainOnDelete,
    };
  };
  const stackItself = { urn: root, custom: false, type: STACK, inputs: {}, outputs };
  return [{ ...stackItself, protect: false, retainOnDelete: false }, ...resources.map(kept)];
}

/** What leads from one state to another. An input whose change is ignored keeps its old value. */
function stepsTo(after: Kept[], before: Kept[], ignored: Map<string, string[]>): Step[] {
  const olds = new Map(before.map((each) => [each.urn, each]));
  const news = new Set(after.map(({ urn }) => urn));
  const made = after.map((each): Step => {
    const old = olds.get(each.urn);
    if (old === undefined) return { op: 'create', new: each };
    for (const name of ignored.get(each.urn) ?? []) each.inputs[name] = old.inputs[name];
    const isSame = isDeepStrictEqual(old.inputs, each.inputs) && isDeepStrictEqual(old.outputs, each.outputs);
    return { op: isSame ? 'same' : 'update', old, new: each };
  });
  const gone = before.filter(({ urn }) => !news.has(urn)).map((old): Step => ({ op: 'delete', old }));
  return [...made, ...gone];
}

/** Reports an event to SST of the engine (`apitype.EngineEvent`). */
function emit({ eventLog }: Call, event: Record<string, unknown>): void {
  appendFileSync(eventLog, `${JSON.stringify({ sequence: 0, timestamp: 0, ...event })}\n`);
}

function emitSteps(steps: Step[], call: Call): void {
  const counts: Partial<Record<Op, number>> = {};
  for (const { op, old, new: made } of steps) {
    counts[op] = (counts[op] ?? 0) + 1;
    const { urn, type } = (made ?? old) as Kept;
    const metadata = { op, urn, type, old: old ?? null, new: made ?? null };
    emit(call, { resourcePreEvent: { metadata } });
    emit(call, { resOutputsEvent: { metadata } });
  }
  emit(call, { summaryEvent: { maybeCorrupt: false, durationSeconds: 0, resourceChanges: counts } });
}

/** Ends as the engine does if something is wrong. */
function refuse(call: Call, urn: string, message: string): never {
  emit(call, { diagnosticEvent: { urn, message, color: 'never', severity: 'error' } });
  process.exit(255);
}

/** Runs what SST has bundled under the mocks, with the very modules of Pulumi that it imports. */
async function answerOfMocked(main: string, { project, stack }: Call): Promise<string> {
  const host = `${main}.host.mjs`;
  writeFileSync(
    host,
    `import * as pulumi from '@pulumi/pulumi';
    import * as mocks from '@pulumi/pulumi/runtime/mocks.js';
    import * as settings from '@pulumi/pulumi/runtime/settings.js';
    import * as state from '@pulumi/pulumi/runtime/state.js';
    import { runMocked } from ${JSON.stringify(new URL('mocks.ts', import.meta.url).href)};
    const app = ${JSON.stringify({ name: project, stage: stack })};
    runMocked({ pulumi, mocks, settings, state }, app, async () => (await import(${JSON.stringify(main)})).default);`,
  );
  try {
    return await answerOf([host], process.env);
  } finally {
    rmSync(host, { force: true });
  }
}

/** Runs the program that the folder's `Pulumi.yaml` names, and says what it would change. */
async function planned(call: Call): Promise<{ after: Kept[]; steps: Step[] }> {
  const [, main = ''] = /^main: (.+)$/m.exec(readFileSync('Pulumi.yaml', 'utf8')) ?? [];
  const before = stateOf(call);
  try {
    const answer = await answerOfMocked(main, call);
    if (process.env.STAND_IN_GRAPH !== undefined) writeFileSync(process.env.STAND_IN_GRAPH, answer);
    const graph = JSON.parse(answer) as Omit<Graph, 'app'>;
    const after = stateFrom(graph, call);
    const ignored = graph.resources.map(
      ({ options }, at) => [after[at + 1]?.urn ?? '', options.ignoreChanges] as const,
    );
    return { after, steps: stepsTo(after, before, new Map(ignored)) };
  } catch (error) {
    refuse(call, '', error instanceof Error ? error.message : String(error));
  }
}

/** A resource that is protected goes by no deployment; nothing is deleted before all may be. */
function assertMayGo(steps: Step[], call: Call): void {
  for (const { op, old } of steps)
    if (op === 'delete' && old?.protect)
      refuse(call, old.urn, `resource "${old.urn}" cannot be deleted because it is protected.`);
}

const COMMANDS: Record<string, (call: Call) => Promise<void>> = {
  async preview(call) {
    const { steps } = await planned(call);
    assertMayGo(steps, call);
    emitSteps(steps, call);
  },
  async up(call) {
    const { after, steps } = await planned(call);
    assertMayGo(steps, call);
    keep(call, after);
    emitSteps(steps, call);
  },
  async destroy(call) {
    const steps = stateOf(call).map((old): Step => ({ op: 'delete', old }));
    assertMayGo(steps, call);
    keep(call, []);
    emitSteps(steps.toReversed(), call);
  },
};

const stackOf = (text = '') => {
  const [, project, stack] = /^organization\/([\w-]+)\/([\w-]+)$/.exec(text) ?? [];
  if (project === undefined || stack === undefined) throw new Error(`"${text}" is no stack of SST's.`);
  return { project, stack };
};

async function main([command = '', ...rest]: string[]): Promise<void> {
  if (command === 'stack') {
    const [verb, text, ...more] = rest;
    if (verb !== 'init' || more.length > 0)
      throw new Error(`The stand-in knows no "stack ${rest.join(' ')}".`);
    if (!existsSync(stateFile(stackOf(text)))) keep(stackOf(text), []);
    return;
  }
  const act = COMMANDS[command];
  if (act === undefined) throw new Error(`The stand-in knows no "${command}".`);
  const { values } = parseArgs({
    args: rest,
    options: {
      stack: { type: 'string' },
      'non-interactive': { type: 'boolean' },
      'event-log': { type: 'string', default: '' },
      config: { type: 'string', multiple: true },
      yes: { type: 'boolean' },
      'skip-preview': { type: 'boolean', short: 'f' },
    },
  });
  await act({ ...stackOf(values.stack), eventLog: values['event-log'] });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 255;
}
