import * as z from 'zod/mini';
import type { Probing } from '../rollout/event.ts';
import { type Fault, strict } from './check.ts';
import { acceptedSeconds, duration, MINUTE } from './duration.ts';
import { isMap, own } from './plain.ts';
import { isProbe, type smokeField } from './smoke.ts';

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

/** How often the probes of an accepted file are put, and which of its smoke tests they are. */
export function probingFrom(
  { every }: z.output<typeof probeField>,
  smoke: z.output<typeof smokeField>,
  idOf: (index: number) => string,
): Probing {
  return {
    everySeconds: acceptedSeconds(every),
    smoke: smoke.flatMap((check, index) => (isProbe(check) ? [idOf(index)] : [])),
  };
}

/** Finds probes that nothing would be asked by, and counts of the user's own that they would be mixed into. */
export function probeFaults(file: unknown): Fault[] {
  const checks = own(file, 'smoke');
  const listed: unknown[] = Array.isArray(checks) ? checks : [];
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
  return [...unasked(listed), ...mixed(own(own(file, 'watch'), 'custom'))];
}

function unasked(checks: unknown[]): Fault[] {
  if (checks.some((check) => own(check, 'probe') ?? own(check, 'get') !== undefined)) return [];
  const message =
    'there is no smoke test to repeat; add a GET request under `smoke`, or `probe: true` at one that changes nothing.';
  return [{ path: ['probe'], message }];
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
