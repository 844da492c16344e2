import {
  CreateAliasCommand,
  DeleteAliasCommand,
  type LambdaClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { faults, HOUR, MINUTE, type Plot, play, type Stage } from './stage.ts';

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

/** Calls that a good rollout makes about its alias, from the look-up of its opening to the last read before its fence is closed; nobody looks after that. */
const CALLS = Array.from({ length: 22 }, (_, at) => at + 1);

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
    for (const nth of sampled(CALLS, 8, what.length)) {
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
