import { vi } from 'vitest';
import type { Client } from '../../client/client.ts';
import { functionsOf } from '../../client/functions.ts';
import type { ServiceRecord } from '../../core/ports.ts';
import type { Readings } from '../../core/readings.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { outlineOf } from '../../core/rollout/outline.ts';
import { fold } from '../../core/rollout/state.ts';
import { summary } from '../../core/rollout/story.ts';
import { viewOf } from '../../core/rollout/view.ts';

/** What a call of the command line came to. */
interface Called {
  code: unknown;
  out: string;
  err: string;
}

/** Everything that was asked of a client, in order. */
export interface Asked {
  what: 'read' | 'command' | 'upload' | 'site' | 'revertDirectly';
  with: unknown[];
}

/** What a controller answers in place of what it usually does; `read` stands for its function ReadRollout. */
interface Answers extends Partial<Pick<Client, 'command' | 'upload' | 'site' | 'revertDirectly'>> {
  read?: (what: keyof Readings, more: { after?: number; service?: string }) => Promise<unknown>;
}

/** A controller that takes everything, and says what it was asked; `answers` stand in for its own. */
export function fakeClient(answers: Answers = {}): { client: Client; asked: Asked[] } {
  const asked: Asked[] = [];
  const usual: Required<Answers> = {
    read: async (what) =>
      ({
        about: { environment: 'production', bucket: 'releases', scheduleGroup: 'spillway-production' },
        running: [],
        recent: [],
        service: {},
        rollout: {},
        events: { events: [] },
      })[what],
    command: async ({ rolloutId }) => ({ rolloutId }),
    upload: async (key) => `version of ${key}`,
    site: async (store) => {
      throw new Error(`There is no site ${store}.`);
    },
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
      ...functionsOf((name, { read, ...more }) =>
        name === 'ReadRollout' ? noted('read')(read, more) : noted('command')(more),
      ),
      upload: noted('upload'),
      site: noted('site'),
      revertDirectly: noted('revertDirectly'),
    },
  };
}

/** The answers of a controller whose one rollout has this history; `now` is what its service remembers today. */
export function reads(events: RolloutEvent[], now?: ServiceRecord): Required<Answers>['read'] {
  return async (what, { after = 0 }) => {
    const rollout = fold(events);
    if (rollout === undefined) return undefined;
    const ended = rollout.outcome === undefined ? undefined : summary(rollout, now);
    const answers: Record<string, unknown> = {
      about: { environment: 'production' },
      running: [outlineOf(rollout)],
      recent: [outlineOf(rollout)],
      service: {},
      rollout: { view: viewOf(rollout, now) },
      events: { version: events.length, events: events.slice(after), ended },
    };
    return answers[what];
  };
}

/** Whom `--local` means at present. */
let present: Client | undefined;
/** What the command line asks a person, and what is answered; undefined if nobody is there. */
let typed: ((question: string) => string) | undefined;
const loaded = async () => {
  vi.doMock('../../client/local.ts', () => ({ localClient: () => present }));
  vi.doMock('../../client/aws.ts', () => ({
    awsClient: (environment: string) => {
      throw new Error(`The controller of ${environment} was asked for.`);
    },
  }));
  vi.doMock('node:timers/promises', () => ({ setTimeout: async () => {} }));
  vi.doMock('../../cli/print.ts', async (original) => ({
    ...(await original<typeof import('../../cli/print.ts')>()),
    isAsked: () => typed !== undefined,
    ask: async (question: string) => typed?.(question),
  }));
  return import('../../cli/main.ts');
};
let program: ReturnType<typeof loaded> | undefined;

/** Runs the command line in this process, with `client` as the controller of `--local`. */
export const spillway = (client: Client, ...args: string[]): Promise<Called> =>
  answering(client, undefined, ...args);

/** The same where somebody sits at a terminal and answers questions. */
export async function answering(
  client: Client,
  answer: ((question: string) => string) | undefined,
  ...args: string[]
): Promise<Called> {
  program ??= loaded();
  const { main } = await program;
  const lines = { log: [] as string[], error: [] as string[] };
  [present, typed] = [client, answer];
  for (const kind of ['log', 'error'] as const)
    vi.spyOn(console, kind).mockImplementation((line: unknown) => void lines[kind].push(String(line)));
  vi.stubEnv('SPILLWAY_ENVIRONMENT', undefined);
  vi.stubEnv('GITHUB_ACTOR', 'ada');
  try {
    const code = await main(args);
    return { code, out: lines.log.join('\n'), err: lines.error.join('\n') };
  } finally {
    process.exitCode = undefined;
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
}
