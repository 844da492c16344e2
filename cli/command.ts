import { type Call, type Given, givenTo, type Options } from './call.ts';

/** One command of the command line: how it is called, and what it does with what it is given. */
export interface Command {
  call: Call;
  /** Answers its exit code. @throws UsageError if the arguments are not the command's, RolloutError if what they ask for is refused */
  run(args: string[]): Promise<number>;
}

/** Makes a command whose code is loaded once its call is known to be right: nobody waits for what is not needed. */
export function command<O extends Options>(
  call: Call<O>,
  load: () => Promise<(given: Given<O>) => Promise<number>>,
): Command {
  return {
    call,
    async run(args) {
      const given = givenTo(call, args);
      return (await load())(given);
    },
  };
}
