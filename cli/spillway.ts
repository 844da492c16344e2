// `npm run spillway -- COMMAND`: the command line. A command is a file in cli/commands and a line here.
import { readFileSync } from 'node:fs';
import { didYouMean } from '../core/config/nearest.ts';
import { RolloutError } from '../core/errors.ts';
import { isHelp, synopsis, table, UsageError, usage } from './call.ts';
import type { Command } from './command.ts';
import {
  abort,
  acknowledge,
  approve,
  pause,
  promote,
  reject,
  resume,
  retry,
  rollback,
} from './commands/operate.ts';
import { plan } from './commands/plan.ts';
import { release } from './commands/release.ts';
import { report } from './commands/report.ts';
import { status } from './commands/status.ts';
import { validate } from './commands/validate.ts';
import { complain, endUnread, say, width } from './print.ts';

const commands: Record<string, Command> = {
  validate,
  plan,
  release,
  status,
  report,
  pause,
  resume,
  promote,
  approve,
  reject,
  abort,
  rollback,
  retry,
  acknowledge,
};

endUnread();
process.exitCode = await run(process.argv.slice(2));

async function run([name = '', ...args]: string[]): Promise<number> {
  if (name === '--version') {
    say(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
    return 0;
  }
  if (['help', '--help', '-h'].includes(name)) {
    const [about = ''] = args;
    const asked = Object.hasOwn(commands, about) ? commands[about] : undefined;
    say(asked === undefined ? help() : usage(asked.call, width()));
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const meant = didYouMean(name, Object.keys(commands)).replaceAll('`', '').trim();
    complain(
      name === ''
        ? `No command was given.\n\n${help()}`
        : `There is no command "${name}"; ${meant || `there are ${Object.keys(commands).join(', ')}`}\n\n"spillway help" says what each of them does.`,
    );
    return 2;
  }
  if (isHelp(args)) {
    say(usage(command.call, width()));
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      complain(
        `${error.message}\n\nUsage: ${synopsis(command.call)}\n"${command.call.name} --help" lists its options.`,
      );
      return 2;
    }
    // What AWS, the controller or the file system says is for the user; only a fault of this program deserves a stack.
    const isOthers = error instanceof Error && ('$metadata' in error || 'code' in error);
    complain(RolloutError.is(error) || isOthers ? error.message : ((error as Error)?.stack ?? String(error)));
    return 1;
  }
}

function help(): string {
  const rows = Object.entries(commands).map(
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
