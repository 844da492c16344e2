// `npm run spillway -- COMMAND`: the command line. A command is a file in cli/commands.
import { RolloutError } from '../core/errors.ts';
import { validate } from './commands/validate.ts';

/** One command: how it is called, what it does, and what it answers as its exit code. */
export interface Command {
  usage: string;
  does: string;
  /** @throws UsageError where the arguments are not the command's */
  run(args: string[]): Promise<number>;
}

const commands: Record<string, Command> = { validate };

const [name = '', ...args] = process.argv.slice(2);
process.exitCode = await run(name, args);

async function run(name: string, args: string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name === 'help' || name === '--help') {
    console.log(help());
    return 0;
  }
  if (command === undefined) {
    console.error(`${name === '' ? 'No command was given.' : `There is no command "${name}".`}\n\n${help()}`);
    return 2;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (!RolloutError.is(error)) throw error;
    console.error(error.message);
    return 1;
  }
}

function help(): string {
  const lines = Object.values(commands).map(({ usage, does }) => `  spillway ${usage.padEnd(20)} ${does}`);
  return `Commands:\n${lines.join('\n')}`;
}
