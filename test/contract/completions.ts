import { expect } from 'vitest';
import type { Completion, Completions } from '../../core/ports.ts';
import { contract, type Implementation, refused } from './cases.ts';

/** What several controllers tell one another, with the means to cut it off. */
export interface CompletionsStage {
  completions: Completions;
  /** From now on it cannot be reached. */
  disconnect(): void;
}

const TOLD: Completion = {
  environment: 'staging',
  service: 'checkout-api',
  digests: { api: 'A'.repeat(43), worker: `sha256:${'b'.repeat(64)}` },
  rolloutId: 'checkout-api--r7--1',
  completed: true,
  at: 1_767_614_400_000,
};

/** What every record of completions promises. */
export function describeCompletions(implementation: Implementation<CompletionsStage>): void {
  contract<CompletionsStage>('Completions', implementation, (keeps) => {
    keeps('knows nothing of what nobody told', async ({ completions }) => {
      expect(await completions.find(TOLD)).toBeUndefined();
    });

    keeps('finds what was told of the same artifacts, in whatever order they are named', async (stage) => {
      await stage.completions.publish(TOLD);
      const { api = '', worker = '' } = TOLD.digests;
      expect(await stage.completions.find({ ...TOLD, digests: { worker, api } })).toEqual(TOLD);
    });

    const { api = '' } = TOLD.digests;
    const others: [string, Partial<Completion>][] = [
      ['environment', { environment: 'production' }],
      ['service', { service: 'checkout' }],
      ['code', { digests: { ...TOLD.digests, api: 'B'.repeat(43) } }],
      ['set of targets', { digests: { api } }],
      ['name of a target', { digests: { api, jobs: TOLD.digests.worker ?? '' } }],
    ];
    for (const [what, change] of others) {
      keeps(`does not take it for that of another ${what}`, async ({ completions }) => {
        await completions.publish(TOLD);
        expect(await completions.find({ ...TOLD, ...change })).toBeUndefined();
      });
    }

    keeps('knows what was told last, and takes a repeat for what it is', async ({ completions }) => {
      await completions.publish(TOLD);
      await completions.publish(TOLD);
      await completions.publish({ ...TOLD, completed: false, rolloutId: 'checkout-api--r6--1' });
      expect(await completions.find(TOLD)).toMatchObject({
        completed: false,
        rolloutId: 'checkout-api--r6--1',
      });
    });

    keeps('says Unavailable where it cannot be reached', async ({ completions, disconnect }) => {
      disconnect();
      await refused(completions.find(TOLD), 'Unavailable', 'completions');
      await refused(completions.publish(TOLD), 'Unavailable', 'completions');
    });
  });
}
