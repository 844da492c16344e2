// `npm run spillway -- COMMAND`: the command line. A command is a file in cli/commands and a line here.
import { RolloutError } from '../core/errors.ts';
import { UsageError } from './arguments.ts';
import { abort, approve, pause, promote, resume, retry, rollback } from './commands/orders.ts';
import { plan } from './commands/plan.ts';
import { release } from './commands/release.ts';
import { report } from './commands/report.ts';
import { status } from './commands/status.ts';
import { validate } from './commands/validate.ts';
import { complain, say } from './print.ts';

/** One command: how it is called, what it does, and what it answers as its exit code. */
export interface Command {
  usage: string;
  does: string;
  /** @throws UsageError where the arguments are not the command's, RolloutError where what they ask for is refused */
  run(args: string[]): Promise<number>;
}

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
  abort,
  rollback,
  retry,
};

const [name = '', ...args] = process.argv.slice(2);
process.exitCode = await run(name, args);

async function run(name: string, args: string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name === 'help' || name === '--help') {
    say(help());
    return 0;
  }
  if (command === undefined) {
    complain(`${name === '' ? 'No command was given.' : `There is no command "${name}".`}\n\n${help()}`);
    return 2;
  }
  if (args.includes('--help')) {
    say(`spillway ${command.usage}\n\n${command.does}`);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${error.message}\n\nspillway ${command.usage}`);
      return 2;
    }
    // What AWS, the controller or the file system says is for the user; only a fault of this program deserves a stack.
    const isOthers = error instanceof Error && ('$metadata' in error || 'code' in error);
    complain(RolloutError.is(error) || isOthers ? error.message : ((error as Error)?.stack ?? String(error)));
    return 1;
  }
}

function help(): string {
  const lines = Object.values(commands).map(({ usage, does }) => `  spillway ${usage}\n      ${does}`);
  return `Commands:\n${lines.join('\n')}\n\nEach but validate and plan takes --environment NAME (a controller in your AWS account) or --local ("npm run dev").`;
}
