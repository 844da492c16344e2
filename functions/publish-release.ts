import * as z from 'zod/mini';
import { readRollout, turn } from '../controller/execution.ts';
import { recordEffect } from '../controller/record.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import type { Target } from '../core/rollout/event.ts';
import { isReplaced, type Rollout, targetNamed } from '../core/rollout/state.ts';
import { awsExecutions, awsJournal, awsPublishers, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';

const Input = z.union([
  z.object({ ref: ExecutionRef, version: z.number(), token: z.string() }),
  z.object({ restore: z.object({ rolloutId: z.string(), target: z.string() }) }),
]);

/**
 * Publishes the version that one target is to serve, or waits a few seconds for it, and wakes its own state. Asked by a
 * revert, it puts the code of stable back, of a target that the journal names: no other function may change code, and no
 * input says which.
 */
export const publishRelease: Task<
  | { ref: ExecutionInput; version: number; token: string }
  | { restore: { rolloutId: string; target: string } },
  object,
  'clock' | 'executions' | 'journal' | 'publisher'
> = {
  input: Input,
  async run(input, ports) {
    if ('restore' in input) {
      const { rolloutId, target: name } = input.restore;
      const rollout = await readRollout(rolloutId, ports);
      const target = replacedBy(rollout).find((each) => each.name === name);
      if (target === undefined)
        throw new RolloutError(
          'CommandRefused',
          `${rolloutId} (${rollout.outcome ?? 'under way'}) put no code into ${name} that could be restored; look at its status.`,
        );
      await ports.publisher(target.kind).restore(target);
      return {};
    }
    const { ref, version, token } = input;
    await ports.journal.putToken(ref.rolloutId, { version, token });
    await turn(ref, ports, 'publish', async (rollout, directive) => {
      const target = targetNamed(rollout, directive.target);
      try {
        const published = await ports.publisher(target.kind).publish(target);
        if (published === 'pending') return rollout;
        const { quarantined } = await ports.journal.service(rollout.opening.service);
        const { version, ...made } = published;
        return await recordEffect(
          rollout,
          { type: 'RecordPublished', target: target.name, version, made, quarantined },
          ports,
        );
      } catch (error) {
        if (RolloutError.is(error, 'TargetInvalid'))
          return recordEffect(rollout, { type: 'Refuse', reason: error.message }, ports);
        // A quota, a right or a key of the account says nothing about the release.
        if (RolloutError.is(error, 'AccountRefused'))
          return recordEffect(
            rollout,
            { type: 'Refuse', reason: error.message, cause: 'environment' },
            ports,
          );
        throw error;
      }
    });
    await ports.executions.wake(token);
    return {};
  },
};

/** The targets whose code this rollout replaced, or was to, and that do not serve it: what completed stays. */
function replacedBy({ opening, outcome }: Rollout): Target[] {
  return outcome === 'completed' ? [] : opening.targets.filter(isReplaced);
}

/** The function on AWS. */
export const handler = lambda(publishRelease, () => ({
  clock,
  executions: awsExecutions(),
  journal: awsJournal(),
  publisher: awsPublishers(),
}));
