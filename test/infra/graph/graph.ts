import { execFileSync } from 'node:child_process';

/** One resource of the graph, as `npm run infra:graph -- --json` prints it. */
export interface Resource {
  type: string;
  name: string;
  parent?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each type has inputs of its own, which a test reads by name
  inputs: Record<string, any>;
  secretInputs: string[];
  /** What a component says of itself once its parts are there. */
  outputs?: Record<string, unknown>;
  options: { protect: boolean; retainOnDelete: boolean; ignoreChanges: string[]; dependsOn: string[] };
}

/** The resources that a deployment would make. */
export interface Graph {
  app: { name: string; stage: string; removal: string; protect: boolean };
  resources: Resource[];
  /** What a deployment prints at its end. */
  outputs: Record<string, unknown>;
}

const graphs = new Map<string, Graph>();

/** The graph of a stage; each one is made once. @throws Error with what the program said */
export function graphOf(stage: string, ...more: string[]): Graph {
  const key = [stage, ...more].join(' ');
  const known = graphs.get(key) ?? run(['--stage', stage, ...more]);
  graphs.set(key, known);
  return known;
}

/** With other settings of the stage, and secrets that somebody has set. */
export function graphWith(stage: string, settings: object, secrets: object = {}): Graph {
  const replaced = { 'infra/stages.json': JSON.stringify({ [stage]: settings }) };
  return graphOf(stage, '--replaced', JSON.stringify(replaced), '--secrets', JSON.stringify(secrets));
}

function run(more: string[]): Graph {
  try {
    const args = ['scripts/infra-graph.ts', '--json', ...more];
    return JSON.parse(
      execFileSync(process.execPath, args, {
        encoding: 'utf8',
        maxBuffer: 1e8,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  } catch (error) {
    throw new Error(String((error as { stderr?: string }).stderr ?? error));
  }
}

/** The resources of a type, such as `lambda/function:Function`. */
export const all = ({ resources }: Pick<Graph, 'resources'>, type: string): Resource[] =>
  resources.filter((each) => each.type === `aws:${type}`);

/** The one resource of a type and name. */
export function one(graph: Graph, type: string, name: string): Resource {
  const found = all(graph, type).find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no ${type} ${name}.`);
  return found;
}
