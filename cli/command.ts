import { type Call, type Given, givenTo, type Options } from './call.ts';

/** One command of the command line: how it is called, and what it does with what it is given. */
export interface Command {
  call: Call;
  /** Answers its exit code. @throws UsageError if the arguments are not the command's, RolloutError if what they ask for is refused */
  run(args: string[]): Promise<number>;
}

/** Makes a command; `run` gets what the call says, by its types. */
export function command<const O extends Options>(
  name: string,
  call: Omit<Call<O>, 'name'>,
  run: (given: Given<O>) => Promise<number>,
): Command {
  const whole = { name: `spillway ${name}`, ...call };
  return { call: whole, run: (args) => run(givenTo(whole, args)) };
}
