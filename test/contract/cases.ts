import { describe, expect, test } from 'vitest';

/** A sentence that is not kept may show it by never ending; it is waited for no longer than this. */
const EXCEPTION_MS = 30_000;

/** An implementation under contract: what it is called, and which cases it does not keep, each with its reason. A case that is excepted and kept after all fails: its exception has to go. */
export interface Implementation<Stage> {
  name: string;
  /** Makes a fresh one, with the means to arrange and to see what lies outside of it. */
  make: () => Stage | Promise<Stage>;
  exceptions?: Record<string, string>;
}

/** Holds an implementation to one case of a contract; the case gets a stage of its own. */
type Keeps<Stage> = (sentence: string, run: (stage: Stage) => Promise<void>) => void;

/** Applies the cases of a port to one implementation. @throws Error for an exception without a reason, or from a case that does not exist */
export function contract<Stage>(
  port: string,
  { name, make, exceptions = {} }: Implementation<Stage>,
  define: (keeps: Keeps<Stage>) => void,
): void {
  const cases = new Set<string>();
  describe(`${port} by ${name}`, () => {
    define((sentence, run) => {
      cases.add(sentence);
      const reason = exceptions[sentence];
      if (reason === undefined) test(sentence, async () => run(await make()));
      else test.fails(`${sentence} (not kept: ${reason})`, async () => run(await make()), EXCEPTION_MS);
    });
    for (const [sentence, reason] of Object.entries(exceptions)) {
      if (!cases.has(sentence))
        throw new Error(`${name}: ${port} has no case "${sentence}" to be excepted from.`);
      if (reason.trim() === '') throw new Error(`${name}: the exception from "${sentence}" needs a reason.`);
    }
  });
}

/** Runs `count` things at once and answers what each came to. */
export function atOnce<T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => run(index)));
}

/** Expects a refusal with this code whose message says all of these things. */
export async function refused(
  call: Promise<unknown>,
  code: string,
  ...says: (string | RegExp)[]
): Promise<void> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, `a refusal with ${code} was expected`).toMatchObject({ code, name: code });
  for (const part of says) expect((error as Error).message).toMatch(part);
}
