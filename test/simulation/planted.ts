import { GetAliasCommand, UpdateAliasCommand, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import type { Ports } from '../../controller/ports.ts';
import { knownWindows } from '../../core/analysis/settled.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Journal, Raise, RaiseResult, TrafficRouter } from '../../core/ports.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { tokenText } from '../../core/rollout/fencing-token.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Target } from '../../core/target.ts';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import type { Stage } from './stage.ts';

/** Something that is kept from happening until it is let go. */
interface Gate {
  open(): void;
  opened: Promise<void>;
}

export function gate(): Gate {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  return { opened, open };
}

/** Ports whose routers are partly replaced by a planted bug. */
export function routers(ports: Ports, plant: (router: TrafficRouter) => Partial<TrafficRouter>): Ports {
  return {
    ...ports,
    router: (kind) => {
      const router = ports.router(kind);
      return { ...router, ...plant(router) };
    },
  };
}

/** Ports whose journal is partly replaced by a planted bug. */
export const journals = (ports: Ports, plant: (journal: Journal) => Partial<Journal>): Ports => ({
  ...ports,
  journal: { ...ports.journal, ...plant(ports.journal) },
});

/** A bug: what is written is not what was decided; `change` says what becomes of each event. */
export const writing =
  (change: (event: RolloutEvent, rollout: Rollout) => RolloutEvent | RolloutEvent[]) =>
  (ports: Ports): Ports =>
    journals(ports, (journal) => ({
      append: (rollout, events) =>
        journal.append(
          rollout,
          events.flatMap((event) => change(event, rollout)),
        ),
    }));

/** A bug: whoever asks the journal sees another rollout than the one that stands there. */
export const misreading =
  (change: (rollout: Rollout) => Partial<Rollout>) =>
  (ports: Ports): Ports =>
    journals(ports, (journal) => {
      const wrong = (rollout: Rollout): Rollout => ({ ...rollout, ...change(rollout) });
      return {
        read: async (rolloutId) => {
          const rollout = await journal.read(rolloutId);
          return rollout && wrong(rollout);
        },
        append: async (rollout, events) => wrong(await journal.append(rollout, events)),
        running: async () => (await journal.running()).map(wrong),
      };
    });

/** A bug: no failure of the canary is read. */
export const blind = (ports: Ports): Ports => ({
  ...ports,
  metrics: {
    ...ports.metrics,
    async read(...question) {
      const { errors = [] } = await ports.metrics.read(...question);
      return {
        errors: knownWindows(errors).map(({ canary, ...window }) =>
          canary === undefined ? window : { ...window, canary: { ...canary, bad: 0 } },
        ),
      };
    },
  },
});

/** A bug: raises without looking at the token. Which revision it sends is the interleaving. */
export function unfenced(
  stage: () => Stage,
  sends: 'the revision it read' | 'no revision' | 'a new revision after 412',
): TrafficRouter['raise'] {
  return async ({ ref, stable, canary }: Target, { weight, write }: Raise): Promise<RaiseResult> => {
    const { clients } = stage();
    const name = { FunctionName: ref.functionName, Name: ref.alias };
    const put = async (RevisionId: string | undefined) => {
      await clients.lambda.send(
        new UpdateAliasCommand({
          ...name,
          FunctionVersion: weight === 100 ? canary : stable,
          RoutingConfig: { AdditionalVersionWeights: weight === 100 ? {} : { [canary]: weight / 100 } },
          Description: tokenText(write),
          RevisionId,
        }),
      );
    };
    const read = async () => (await clients.lambda.send(new GetAliasCommand(name))).RevisionId;
    const revision = await read();
    try {
      await put(sends === 'no revision' ? undefined : revision);
    } catch (error) {
      if (sends !== 'a new revision after 412') throw error;
      await put(await read());
    }
    return { result: 'raised' };
  };
}

/** A bug: what was decided on an old version is appended to the present one. */
export const rebasing = (journal: Journal): Partial<Journal> => ({
  async append(rollout, events) {
    const present = await journal.read(rollout.opening.rolloutId);
    return journal.append(present ?? rollout, events);
  },
});

/** A bug: what meets a conflict is dropped, as if it had been a judgement. */
export const dropping = (journal: Journal): Partial<Journal> => ({
  async append(rollout, events) {
    try {
      return await journal.append(rollout, events);
    } catch (error) {
      if (!RolloutError.is(error, 'JournalConflict')) throw error;
      return (await journal.read(rollout.opening.rolloutId)) ?? rollout;
    }
  },
});

/** A bug: the target is not looked at; what the journal believes of it is taken for what stands there. The last look of a revert is real. */
export function believing(ports: Ports, rolloutId: string): TrafficRouter['observe'] {
  return async (target, until) => {
    if (until !== undefined) return ports.router(target.kind).observe(target, until);
    const rollout = await ports.journal.read(rolloutId);
    const known = rollout?.traffic[target.name];
    const weight = known?.weight ?? 0;
    return weight === 100
      ? { primary: target.canary, weights: {}, token: known?.token }
      : {
          primary: target.stable,
          weights: weight === 0 ? {} : { [target.canary]: weight },
          token: known?.token,
        };
  };
}

/** A bug: the revert path puts stable back whoever serves now. */
export function overwriting(stage: () => Stage): TrafficRouter['revert'] {
  return async ({ name, ref, stable }, { rolloutId, epoch }) => {
    await stage().clients.lambda.send(
      new UpdateAliasCommand({
        FunctionName: ref.functionName,
        Name: ref.alias,
        FunctionVersion: stable,
        RoutingConfig: { AdditionalVersionWeights: {} },
        Description: tokenText({ rolloutId, epoch, seq: 1_000, open: false }),
      }),
    );
    return { name, primary: stable, changed: true, drifted: false };
  };
}

/** Changes the alias this very moment, as a write that was sent a while ago and arrives now. */
export async function byHand({ lambda }: Stage, change: Partial<UpdateAliasCommandInput>): Promise<void> {
  await lambda.operations.UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...change });
}
