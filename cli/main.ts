import { readFileSync } from 'node:fs';
import { didYouMean } from '../core/config/nearest.ts';
import { RolloutError } from '../core/errors.ts';
import { isHelp, synopsis, table, UsageError, usage } from './call.ts';
import { COMMANDS } from './commands.ts';
import { FAILED, WRONG_CALL } from './exit-codes.ts';
import { complain, say, sayJson, sayRaw, width } from './print.ts';

/** Runs the command line with these arguments; answers its exit code. */
export async function main([name = '', ...args]: string[]): Promise<number> {
  if (name === '--version') {
    say(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
    return 0;
  }
  if (['help', '--help', '-h'].includes(name)) {
    const [about = ''] = args;
    const asked = Object.hasOwn(COMMANDS, about) ? COMMANDS[about] : undefined;
    say(asked === undefined ? help() : usage(asked.call, width()));
    return 0;
  }
  // What shells ask with each key; nobody types it.
  if (name === COMPLETE) {
    const { proposals } = await import('./completion.ts');
    for (const { word, does } of proposals(args)) sayRaw(`${word}\t${does}`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const names = Object.keys(COMMANDS);
    const meant = didYouMean(name, names).replaceAll('`', '').trim();
    complain(
      name === ''
        ? `No command was given.\n\n${help()}`
        : `There is no command "${name}"; ${meant || `there are ${names.join(', ')}`}\n\n"spillway help" says what each of them does.`,
    );
    return WRONG_CALL;
  }
  if (isHelp(args)) {
    say(usage(command.call, width()));
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    return failed(error, command.call, 'json' in command.call.options && args.includes('--json'));
  }
}

/** Says what went wrong, to whom it concerns; answers the exit code. */
function failed(error: unknown, call: (typeof COMMANDS)[string]['call'], isJson: boolean): number {
  const { message, name, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof UsageError) {
    if (isJson) sayJson({ error: { code: 'UsageError', message } });
    else complain(`${message}\n\nUsage: ${synopsis(call)}\n"${call.name} --help" lists its options.`);
    return WRONG_CALL;
  }
  // What AWS, the controller or the file system says is for the user; only a fault of this program deserves a stack.
  const isOthers = error instanceof Error && ('$metadata' in error || 'code' in error);
  const isSaid = RolloutError.is(error) || isOthers;
  if (isJson) sayJson({ error: { code: RolloutError.is(error) ? error.code : name, message } });
  if (!isJson || !isSaid) complain(isSaid ? message : (stack ?? message));
  return FAILED;
}

const COMPLETE = 'complete';

function help(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, { call }]) => [[name, ...call.takes].join(' '), call.does] as const,
  );
  return [
    'Usage: spillway COMMAND [ARGUMENTS] [OPTIONS]',
    'In a checkout, spillway is: npm run -s spillway --',
    '',
    'Commands:',
    ...table(rows, width()),
    '',
    ...table(
      [
        ['COMMAND --help', 'all about a command'],
        ['--version', 'the version of this program'],
      ],
      width(),
    ),
  ].join('\n');
}
