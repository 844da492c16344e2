import { whereText } from './arguments.ts';
import { UsageError } from './call.ts';
import type { Where } from './calls.ts';
import { ask, isAsked } from './print.ts';

/** Answers whether a person wants what cannot be undone. @throws UsageError if nobody is there to ask and --yes is not given */
export async function isConfirmed(what: string, options: Where & { yes?: true }): Promise<boolean> {
  if (options.yes) return true;
  if (!isAsked()) throw new UsageError(`${what}. Nobody can be asked here; add --yes if that is meant`);
  return /^y(es)?$/i.test((await ask(`${what}. Go on in ${whereText(options)}? [y/N] `)).trim());
}
