import * as z from 'zod/mini';
import type { Probing } from '../analysis/types.ts';
import { type Fault, strict } from './check.ts';
import { acceptedSeconds, duration, MINUTE } from './duration.ts';
import { isMap, own } from './plain.ts';
import { chainsOf, isProbe, SMOKE_MAX, type smokeField } from './smoke.ts';

/** Smoke tests that are repeated through both versions while the canary has traffic. */
export const probeField = strict({
  every: z
    ._default(duration(1, MINUTE), '1s')
    .check(z.describe('Time between two pairs, from 1s to 1m; those of a minute are put together.')),
}).check(
  z.describe(
    'For services with little traffic: the smoke tests, repeated through both versions alike while the canary has traffic, are evidence beside the requests of users.',
  ),
);

/** How often the probes of an accepted file are sent, and which of its smoke tests they are: of tests that share values all or none. */
export function probingFrom(
  { every }: z.output<typeof probeField>,
  smoke: z.output<typeof smokeField>,
  idOf: (index: number) => string,
): Probing {
  return {
    everySeconds: acceptedSeconds(every),
    smoke: repeatedChains(smoke).map(([first = 0]) => idOf(first)),
  };
}

/** What a person should know of tests that look like probes and are none. */
export function probeNotices({
  probe,
  smoke = [],
}: {
  probe?: z.output<typeof probeField> | undefined;
  smoke?: z.output<typeof smokeField> | undefined;
}): string[] {
  if (probe === undefined) return [];
  return chainsOf(smoke).flatMap((chain) => {
    const other = chain.find((index) => !isProbe(smoke[index]));
    return chain
      .filter((index) => other !== undefined && isProbe(smoke[index]))
      .map(
        (index) =>
          `smoke[${index}] is no probe, because it shares values with smoke[${other}], which is none; write \`probe: true\` there if it may be repeated`,
      );
  });
}

/** Finds probes by which nothing would be asked, and counts of the user's own that they would be mixed into. */
export function probeFaults(file: unknown): Fault[] {
  const checks = own(file, 'smoke');
  const listed: unknown[] = Array.isArray(checks) && checks.length <= SMOKE_MAX ? checks : [];
  if (own(file, 'probe') === undefined)
    return listed.flatMap((check, index) =>
      own(check, 'probe') === true
        ? [
            {
              path: ['smoke', index, 'probe'],
              message:
                'nothing is repeated without `probe: { every: 2s }` in the file; add it or remove this.',
            },
          ]
        : [],
    );
  return [...unasked(listed), ...halved(listed), ...mixed(own(own(file, 'watch'), 'custom'))];
}

const repeatedChains = (checks: readonly unknown[]) =>
  chainsOf(checks).filter((chain) => chain.every((index) => isProbe(checks[index])));

function unasked(checks: unknown[]): Fault[] {
  if (repeatedChains(checks).length > 0 || halved(checks).length > 0) return [];
  const message =
    'there is no smoke test to repeat; add a GET request under `smoke`, or `probe: true` at one that changes nothing.';
  return [{ path: ['probe'], message }];
}

/** A test that is to be repeated needs those whose values it uses to be repeated with it. */
function halved(checks: unknown[]): Fault[] {
  return chainsOf(checks).flatMap((chain) => {
    const other = chain.find((index) => !isProbe(checks[index]));
    return chain
      .filter((index) => other !== undefined && own(checks[index], 'probe') === true)
      .map((index) => ({
        path: ['smoke', index, 'probe'],
        message: `it shares values with smoke[${other}], which is not repeated; write \`probe: true\` there if it may be, or remove this.`,
      }));
  });
}

/** Without an alias among its dimensions a count of the user's own cannot tell a probe from a user. */
function mixed(custom: unknown): Fault[] {
  if (!isMap(custom)) return [];
  return Object.keys(custom)
    .filter((name) => own(custom[name], 'versionDimension') !== undefined)
    .map((name) => ({
      path: ['watch', 'custom', name, 'versionDimension'],
      message:
        'these counts would hold the probes too, which are no requests of users; count by FunctionName, Resource and ExecutedVersion and remove this, or remove `probe`.',
    }));
}
