import { UsageError } from './call.ts';
import { ask, isAsked } from './print.ts';

/** Answers whether a person wants what cannot be undone. @throws UsageError if nobody is there to ask and --yes is not given */
export async function isConfirmed(what: string, { yes }: { yes?: true }): Promise<boolean> {
  if (yes) return true;
  if (!isAsked()) throw new UsageError(`${what}. Nobody can be asked here; add --yes if that is meant`);
  return /^y(es)?$/i.test((await ask(`${what}. Go on? [y/N] `)).trim());
}
