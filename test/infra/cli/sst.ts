import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Graph } from '../graph/graph.ts';
import { type Account, openAccount } from './account.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** All that a deployment reads of the project. */
const DEPLOYED = [
  ...['sst.config.ts', 'package.json', 'tsconfig.json', '.sst/provider-lock.json'],
  ...[
    'infra',
    'functions',
    'api',
    'notify',
    'page',
    'client',
    'controller',
    'core',
    'adapters',
    'targets',
    'statemachines',
  ],
];

/** What a command of SST's said, and how it ended. */
export interface Said {
  status: number | null;
  /** Both of its outputs, without colours. */
  text: string;
}

/** A resource in the state of a stage, as far as tests look at it. */
interface Kept {
  type: string;
  protect: boolean;
  retainOnDelete: boolean;
}

/** A copy of the project with an account of its own, in which SST's real command line can do what it likes. */
export interface Project {
  folder: string;
  account: Account;
  /** Runs `sst COMMAND... --stage STAGE`. */
  sst(stage: string, ...command: string[]): Promise<Said>;
  /** What the last program registered that SST ran. @throws Error if none did */
  graph(): Omit<Graph, 'app'>;
  /** What the account keeps of a stage. */
  state(stage: string): Kept[];
  /** Replaces a file's text by what the function makes of it. @throws Error if that changes nothing */
  edit(file: string, change: (text: string) => string): void;
  close(): void;
}

/** As `npm run infra:graph` has them. */
const PEOPLE_KEYS = JSON.stringify({ current: 'k1', keys: { k1: '00'.repeat(32) } });

/** Copies the project beside SST's platform, with a `pulumi` that is ours. */
export async function openProject(): Promise<Project> {
  mkdirSync(join(ROOT, '.cache', 'sst'), { recursive: true });
  const home = mkdtempSync(join(ROOT, '.cache', 'sst', 'run-'));
  const folder = join(home, 'project');
  for (const each of DEPLOYED) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  symlinkSync(join(ROOT, '.sst', 'platform'), join(folder, '.sst', 'platform'));
  // Where Go looks for the settings of a user, on Linux and on macOS.
  for (const settings of ['.config', 'Library/Application Support'])
    standIn(join(home, settings, 'sst', 'bin', 'pulumi'));
  const account = await openAccount();
  const graph = join(home, 'graph.json');
  const env = {
    HOME: home,
    // Where SST leaves a log behind at each command.
    TMPDIR: home,
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    AWS_ACCESS_KEY_ID: 'nobody',
    AWS_SECRET_ACCESS_KEY: 'nothing',
    AWS_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL: account.url,
    // No look for newer parts, no report to anybody.
    SST_SKIP_DEPENDENCY_CHECK: '1',
    SST_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    SST_NO_BUN: '1',
    STAND_IN_GRAPH: graph,
  };
  const sst: Project['sst'] = (stage, ...command) => {
    rmSync(graph, { force: true });
    return run([join(ROOT, 'node_modules/sst/bin/sst.mjs'), ...command, '--stage', stage], folder, env);
  };
  // For every stage; only tests of it go without.
  const set = await sst('any', 'secret', 'set', 'PeopleKeys', PEOPLE_KEYS, '--fallback');
  if (set.status !== 0) throw new Error(set.text);
  return {
    folder,
    account,
    sst,
    graph: () => JSON.parse(readFileSync(graph, 'utf8')) as Omit<Graph, 'app'>,
    state(stage) {
      const state = account.objects.get(`/sst-state-bootstrap/app/spillway/${stage}.json`);
      return state === undefined ? [] : JSON.parse(String(state)).checkpoint.latest.resources;
    },
    edit(file, change) {
      const text = readFileSync(join(folder, file), 'utf8');
      const changed = change(text);
      if (changed === text) throw new Error(`${file} stays as it is.`);
      writeFileSync(join(folder, file), changed);
    },
    close() {
      account.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function standIn(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const program = join(ROOT, 'scripts/infra/pulumi.ts');
  writeFileSync(
    file,
    `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${program}" "$@"\n`,
  );
  chmodSync(file, 0o755);
}

function run(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
    child.on('error', reject);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    child.on('close', (status) => resolve({ status, text: text.replaceAll(/\u001b\[[0-9;]*m/g, '') }));
  });
}
