import {
  type Call,
  type Given,
  givenTo,
  isHelp,
  type Options,
  synopsis,
  UsageError,
  usage,
} from '../cli/call.ts';
import { complain, endUnread, say, width } from '../cli/print.ts';

/** What a script was given. If its usage was asked for, or it was called wrongly, this says so and ends the process. */
export function given<const O extends Options>(call: Call<O>, args = process.argv.slice(2)): Given<O> {
  endUnread();
  if (isHelp(args)) {
    say(usage(call, width()));
    process.exit(0);
  }
  try {
    return givenTo(call, args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return wrong(call, error.message);
  }
}

/** What a script hands on to another program: only to be asked for its usage is its own affair, and ends the process before anything is installed. */
export function handedOn(call: Omit<Call, 'options'>): string[] {
  const args = process.argv.slice(2);
  endUnread();
  if (!isHelp(args)) return args;
  say(usage({ ...call, options: {} }, width()));
  process.exit(0);
}

/** Says what is wrong with how a script was called, and ends the process. */
export function wrong(call: Call, message: string): never {
  complain(`${message}\n\nUsage: ${synopsis(call)}`);
  process.exit(2);
}

/** An option's whole number of at least `least`, or undefined if it was not given; ends the process if it is something else. */
export function whole(
  call: Call,
  option: string,
  text: string | undefined,
  least: number,
): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && Number.isSafeInteger(number)) return number;
  return wrong(call, `${option} takes a whole number of at least ${least}, not "${text}"`);
}
