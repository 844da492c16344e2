import { spawn } from 'node:child_process';
import { clientFrom, rolloutIdFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, LINK, OPEN } from '../calls.ts';
import { complain, say, sayJson } from '../print.ts';

const ACTIONS = ['view', 'pause', 'abort'] as const;

/** Prints an address for somebody who cannot sign in. */
export async function link({ args, options }: GivenTo<typeof LINK>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const action = ACTIONS.find((each) => each === args[1]);
  if (action === undefined) throw new UsageError(`a link is one of ${ACTIONS.join(', ')}, not "${args[1]}"`);
  const made = await (await clientFrom(options)).link(rolloutId, action);
  if (options.json) sayJson({ rolloutId, action, ...made });
  else {
    say(made.url);
    complain(
      `It works until ${new Date(made.expiresAt).toISOString().slice(0, 16)} UTC, for whoever has it.`,
    );
  }
  return 0;
}

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/** Opens the page of a rollout in the browser; the address is printed too, for a machine that has none. */
export async function open({ args, options }: GivenTo<typeof OPEN>): Promise<number> {
  const { url } = await (await clientFrom(options)).link(rolloutIdFrom(args[0]), 'view');
  if (options.json) sayJson({ url });
  else say(url);
  const browser = spawn(OPENERS[process.platform] ?? 'xdg-open', [url], { stdio: 'ignore', detached: true });
  browser.on('error', () => complain('No browser could be opened here.'));
  browser.unref();
  return 0;
}
