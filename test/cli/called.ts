import { vi } from 'vitest';
import type { Client } from '../../client/client.ts';

/** What a call of the command line came to. */
interface Called {
  code: unknown;
  out: string;
  err: string;
}

/** Everything that was asked of a client, in order. */
export interface Asked {
  what: 'read' | 'command' | 'upload' | 'revertDirectly';
  with: unknown[];
}

/** A controller that takes everything, and says what it was asked; `answers` stand in for its own. */
export function fakeClient(answers: Partial<Client> = {}): { client: Client; asked: Asked[] } {
  const asked: Asked[] = [];
  const usual: Client = {
    read: async (what) =>
      ({
        about: { environment: 'production', bucket: 'releases', scheduleGroup: 'spillway-production' },
        running: [],
        service: {},
        rollout: { events: [] },
      })[what] as never,
    command: async ({ rolloutId }) => ({ rolloutId: String(rolloutId) }),
    upload: async (key) => `version of ${key}`,
    revertDirectly: async () => ['api: version 1 serves'],
  };
  const given = { ...usual, ...answers };
  const noted =
    (what: Asked['what']) =>
    (...args: unknown[]) => {
      asked.push({ what, with: args });
      return (given[what] as (...args: unknown[]) => Promise<never>)(...args);
    };
  return {
    asked,
    client: {
      read: noted('read'),
      command: noted('command'),
      upload: noted('upload'),
      revertDirectly: noted('revertDirectly'),
    },
  };
}

/** Runs the command line in this process, with `client` as the controller of `--local`. */
export async function spillway(client: Client, ...args: string[]): Promise<Called> {
  const lines = { log: [] as string[], error: [] as string[] };
  vi.resetModules();
  vi.doMock('../../client/local.ts', () => ({ localClient: () => client }));
  vi.doMock('../../client/aws.ts', () => ({
    awsClient: (environment: string) => {
      throw new Error(`The controller of ${environment} was asked for.`);
    },
  }));
  for (const kind of ['log', 'error'] as const)
    vi.spyOn(console, kind).mockImplementation((line: unknown) => void lines[kind].push(String(line)));
  vi.doMock('node:timers/promises', () => ({ setTimeout: async () => {} }));
  vi.stubEnv('SPILLWAY_ENVIRONMENT', undefined);
  vi.stubEnv('GITHUB_ACTOR', 'ada');
  const { argv } = process;
  const listeners = process.stdout.listeners('error');
  process.argv = ['node', 'spillway', ...args];
  try {
    await import('../../cli/spillway.ts');
    return { code: process.exitCode, out: lines.log.join('\n'), err: lines.error.join('\n') };
  } finally {
    process.argv = argv;
    process.exitCode = undefined;
    for (const each of process.stdout.listeners('error'))
      if (!listeners.includes(each)) process.stdout.off('error', each as (error: Error) => void);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    vi.doUnmock('../../client/local.ts');
    vi.doUnmock('../../client/aws.ts');
    vi.doUnmock('node:timers/promises');
  }
}
