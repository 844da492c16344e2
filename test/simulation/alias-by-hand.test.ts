import {
  CreateAliasCommand,
  DeleteAliasCommand,
  type LambdaClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { record } from '../../simulation/recording.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { faults, HOUR, MINUTE, type Plot, play, type Stage, staged } from './stage.ts';

/** What somebody does to the alias of a rollout. */
type Hand = (lambda: LambdaClient) => Promise<unknown>;

const alias = { FunctionName: FUNCTION, Name: ALIAS };
const remove: Hand = (lambda) => lambda.send(new DeleteAliasCommand(alias));
const made =
  (FunctionVersion: string, Name = ALIAS): Hand =>
  (lambda) =>
    lambda.send(new CreateAliasCommand({ ...alias, Name, FunctionVersion }));
const moved =
  (FunctionVersion: string): Hand =>
  (lambda) =>
    lambda.send(
      new UpdateAliasCommand({
        ...alias,
        FunctionVersion,
        RoutingConfig: { AdditionalVersionWeights: {} },
      }),
    );
const each =
  (...hands: Hand[]): Hand =>
  async (lambda) => {
    for (const hand of hands) await hand(lambda);
  };

const HANDS: [string, Hand][] = [
  ['deleted', remove],
  ['deleted and made again on stable', each(remove, made('1'))],
  ['deleted and made again on the canary', each(remove, made('2'))],
  ['renamed', each(made('1', `${ALIAS}-old`), remove)],
  ['put on $LATEST', moved('$LATEST')],
];

const PLOT: Plot = {
  ...{ hours: 30, warmMinutes: 5 },
  rollout: { steps: [{ weight: 10, bake: '2m' }], verify: '2m' },
};

/** Plays a release during which somebody does that after the n-th call about the alias. */
function played(hand: Hand, nth: number, plot: Plot) {
  let stage: Stage | undefined;
  let calls = 0;
  return play({
    ...PLOT,
    ...plot,
    before: (made) => {
      stage = made;
    },
    async intercept(command, _input, call) {
      const answer = await call();
      if (/^(Get|Update)Alias/.test(command) && ++calls === nth && stage !== undefined)
        await hand(stage.clients.lambda);
      return answer;
    },
  });
}

/** Calls that a good rollout makes about its alias, from the look-up of its opening to the close of its fence. */
const CALLS = Array.from({ length: 24 }, (_, at) => at + 1);

const served = (stage: Stage): string | undefined => {
  try {
    return stage.alias().primary;
  } catch {
    return undefined;
  }
};

describe.each(HANDS)('an alias that is %s between any two calls of a rollout', (what, hand) => {
  test.each([
    ['good', {}],
    ['bad', { canaries: { 2: { errors: 0.2 } } }],
  ] as [string, Plot][])('ends a %s release, breaks no promise, and is left as it is', async (kind, plot) => {
    for (const nth of sampled(CALLS, 16, what.length)) {
      const { rollout, stage, run } = await played(hand, nth, plot);
      const end = `${nth}: ${rollout?.outcome} ${rollout?.reason}`;
      expect(faults(run, { tickMs: HOUR, outMs: 20 * MINUTE }), end).toEqual([]);
      expect(rollout?.reason, end).not.toMatch(/an error that it could not handle|Cannot find/);
      if (kind === 'bad') expect(rollout?.outcome, end).toMatch(/^(reverted|halted)$/);
      if (rollout?.outcome === 'completed') expect(served(stage), end).not.toBe('1');
      if (rollout?.outcome === 'halted')
        expect(rollout.reason, end).toMatch(/alias live of|of api|api serves/);
    }
  });
});

/** Calls of AWS and the journal that a rollback makes before its last look. */
const BACK = Array.from({ length: 11 }, (_, at) => at);

/** Plays a release, and its rollback during which somebody does that after the n-th call; before it if n is 0. */
async function rolledBack(hand: Hand, nth: number) {
  let stage: Stage | undefined;
  let calls = Number.NEGATIVE_INFINITY;
  stage = staged({
    async intercept(_command, _input, call) {
      const answer = await call();
      if (++calls === nth && stage !== undefined) await hand(stage.clients.lambda);
      return answer;
    },
  });
  const { clock, invoke, journal } = stage;
  const recording = record(stage);
  await clock.advance(20 * MINUTE);
  const rolloutId = await clock.run(stage.release(), HOUR);
  await clock.run(stage.ended(rolloutId), 24 * HOUR);
  await clock.advance(5 * MINUTE);
  if (nth === 0) await clock.run(hand(stage.clients.lambda));
  calls = 0;
  await clock.run(
    invoke('Command', { command: 'rollback', rolloutId, by: 'ada', reason: 'orders are lost' }),
  );
  await clock.advance(40 * MINUTE);
  const run = await clock.run(recording.finish());
  const rollout = run.heads.find(({ opening }) => opening.rollsBack !== undefined);
  return { run, stage, rollout, running: await clock.run(journal.running()) };
}

test.each(HANDS)(
  'an alias that is %s between any two calls of a rollback leads to the older version, or to a person with the truth',
  async (what, hand) => {
    for (const nth of sampled(BACK, 8, what.length)) {
      const { run, stage, rollout, running } = await rolledBack(hand, nth);
      const end = `${nth}: ${rollout?.outcome} ${rollout?.reason}`;
      expect(faults(run, { tickMs: HOUR, outMs: 20 * MINUTE }), end).toEqual([]);
      expect(rollout?.outcome, end).toMatch(/^(completed|halted)$/);
      if (rollout?.outcome === 'completed') expect(served(stage), end).toBe('1');
      expect(rollout?.reason, end).not.toMatch(/version 1 of api does not exist/);
      expect(running).toEqual([]);
    }
  },
);
