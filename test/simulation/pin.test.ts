import { DeleteFunctionCommand, GetAliasCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { pinText } from '../../core/rollout/pin.ts';
import { describe as told } from '../../core/rollout/story.ts';
import { ALIAS } from '../../local/account.ts';
import { awsError } from '../../local/sdk.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { routers } from './planted.ts';
import { addWorker, broken, faults, MINUTE, type Plot, play, ROLLOUT_ID, type Stage } from './stage.ts';

const PIN = pinNameOf(ALIAS);
const VERIFIED = { steps: [{ weight: 10, bake: '1m' }], verify: '10m' };

/** What the pin names; undefined if there is none. */
function pinIn({ lambda }: Stage, alias = PIN): string | undefined {
  try {
    return lambda.helpers.routing(FUNCTION, alias).primary;
  } catch {
    return undefined;
  }
}

/** What a cleanup job does to a version that it takes for unused: its answer, or why Lambda refused. */
const prune = ({ clients }: Stage, Qualifier = '1') =>
  clients.lambda
    .send(new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier }))
    .then(() => 'deleted')
    .catch((error: Error) => error.message);

/** Does something a minute after the promotion. */
const inVerify = (act: (stage: Stage) => unknown): Pick<Plot, 'act'> => ({
  async act(stage) {
    await stage.saw('Promoted');
    await stage.clock.sleep(MINUTE);
    await act(stage);
  },
});

const abort = ({ invoke }: Stage) =>
  invoke('Command', { command: 'abort', rolloutId: ROLLOUT_ID, by: 'ada', reason: 'odd' });

test('a cleanup job cannot delete the version that a rollout may revert to, and an abort in verify leads there', async () => {
  const seen: unknown[] = [];
  const { rollout, run, stage } = await play({
    rollout: VERIFIED,
    ...inVerify(async (stage) => {
      seen.push(pinIn(stage), await prune(stage));
      await abort(stage);
    }),
  });
  expect(seen).toEqual([
    '1',
    `Unable to delete version because the following aliases reference it: [${PIN}]`,
  ]);
  expect(rollout).toMatchObject({ outcome: 'reverted' });
  expect(stage.lambda.helpers.routing(FUNCTION, ALIAS).primary).toBe('1');
  expect(pinIn(stage)).toBeUndefined();
  expect(faults(run)).toEqual([]);
});

test.each<[string, Plot, string]>([
  ['completed', { rollout: VERIFIED }, 'completed'],
  [
    'reverted itself in verify',
    {
      rollout: { ...VERIFIED, recall: 'off' },
      canaries: { 2: { errors: (_, __, weight) => (weight === 100 ? 0.3 : 0.001) } },
    },
    'reverted',
  ],
])('nothing is left of the pin of a rollout that %s', async (_, plot, outcome) => {
  let isPinned = false;
  const { rollout, run, stage } = await play({
    ...plot,
    async intercept(command, _input, call) {
      const answer = await call();
      isPinned ||= command === 'CreateAliasCommand';
      return answer;
    },
  });
  expect(rollout).toMatchObject({ outcome });
  expect([isPinned, pinIn(stage)]).toEqual([true, undefined]);
  expect(faults(run)).toEqual([]);
});

test('a rollout that was reverted before its promotion never pinned anything', async () => {
  const commands: string[] = [];
  await play({
    rollout: VERIFIED,
    canaries: { 2: { errors: 0.3 } },
    intercept(command, _input, call) {
      commands.push(command);
      return call();
    },
  });
  expect(commands.filter((command) => /^(Create|Delete)Alias/.test(command))).toEqual([]);
});

test.each<[string, (stage: Stage) => unknown, RegExp | undefined]>([
  ['its pin alone', ({ lambda }) => lambda.helpers.removeAlias(FUNCTION, PIN), undefined],
  [
    'its pin and the stable version',
    async (stage) => {
      stage.lambda.helpers.removeAlias(FUNCTION, PIN);
      expect(await prune(stage)).toBe('deleted');
    },
    /version 1 of api was deleted, so it cannot be reverted any more: version 2 serves and the rollout continues/,
  ],
])(
  'a rollout of which somebody deletes %s completes, and people hear of a lost way back at the next tick',
  async (_what, act, says) => {
    const { events, rollout, run } = await play({ rollout: VERIFIED, ...inVerify(act) });
    expect(rollout).toMatchObject({ outcome: 'completed' });
    const gone = events.filter(({ type }) => type === 'StableGone');
    expect(gone).toHaveLength(says === undefined ? 0 : 1);
    if (says !== undefined && gone[0] !== undefined && rollout !== undefined) {
      expect(told(gone[0], rollout)).toMatch(says);
      const promoted = events.find(({ type }) => type === 'Promoted');
      // The deletion comes a minute after the promotion, and the next tick within two.
      expect(gone[0].at - (promoted?.at ?? 0)).toBeLessThan(4 * MINUTE);
    }
    expect(faults(run)).toEqual([]);
  },
);

const refusing = (name: string, message: string, status = 400): Plot => ({
  rollout: VERIFIED,
  intercept: (command, _input, call) =>
    command === 'CreateAliasCommand' ? Promise.reject(awsError(name, message, status)) : call(),
});

test.each<[string, Plot, RegExp]>([
  [
    'the right is missing',
    refusing('AccessDeniedException', 'not authorized to perform: lambda:CreateAlias'),
    /not authorized to perform: lambda:CreateAlias/,
  ],
  [
    'the function has no room for another alias',
    refusing('AliasLimitExceededException', 'the function has as many aliases as it may'),
    /as many aliases as it may \(AliasLimitExceededException\)/,
  ],
  [
    'AWS cannot take it for minutes',
    refusing('ServiceException', 'not now', 500),
    /could not be written just now: not now/,
  ],
  [
    'somebody has an alias of that name',
    { rollout: VERIFIED, before: ({ lambda }) => lambda.helpers.createAlias(FUNCTION, PIN, '1') },
    new RegExp(`alias ${PIN} of ${FUNCTION} exists and is not Spillway's`),
  ],
])('a release is not stopped if its stable version cannot be pinned: %s', async (_, plot, says) => {
  const { events, rollout, run, stage } = await play(plot);
  expect(rollout).toMatchObject({ outcome: 'completed' });
  const refused = events.filter((event) => event.type === 'PinRefused');
  expect(refused).toEqual([expect.objectContaining({ reason: expect.stringMatching(says) })]);
  // An alias of somebody else stays as it was.
  if (plot.before !== undefined) expect(pinIn(stage)).toBe('1');
  expect(faults(run)).toEqual([]);
});

test.each(['lost', 'throttled', 'left'] as const)(
  'a pin whose answer is lost, or that is throttled, or that a dead rollout has left, is this rollout’s in the end: %s',
  async (how) => {
    let nth = 0;
    const pins: unknown[] = [];
    const { rollout, run, stage } = await play({
      rollout: VERIFIED,
      before({ lambda }) {
        if (how !== 'left') return;
        const other = lambda.helpers.publishCounted(FUNCTION);
        lambda.operations.CreateAliasCommand({
          ...{ FunctionName: FUNCTION, Name: PIN, FunctionVersion: other },
          Description: pinText('checkout-api--r0--1'),
        });
      },
      async intercept(command, _input, call) {
        if (command !== 'CreateAliasCommand' || ++nth > 1 || how === 'left') return call();
        if (how === 'throttled') throw awsError('TooManyRequestsException', 'Rate exceeded', 429);
        await call();
        throw awsError('ServiceException', 'The answer was lost.', 500);
      },
      ...inVerify(async (stage) => {
        pins.push(pinIn(stage));
        const { Description } = await stage.clients.lambda.send(
          new GetAliasCommand({ FunctionName: FUNCTION, Name: PIN }),
        );
        pins.push(Description);
      }),
    } as Plot);
    expect([how, ...pins]).toEqual([how, '1', pinText(ROLLOUT_ID)]);
    expect(rollout).toMatchObject({ outcome: 'completed' });
    expect(pinIn(stage)).toBeUndefined();
    expect(faults(run, { tickMs: 4 * MINUTE })).toEqual([]);
  },
);

test('a pin that could not be removed at the close is removed by the watchdog', async () => {
  let deletions = 0;
  const { rollout, run, stage } = await play({
    rollout: VERIFIED,
    intercept(command, _input, call) {
      const isFirst = command === 'DeleteAliasCommand' && ++deletions === 1;
      return isFirst ? Promise.reject(awsError('ServiceException', 'not now', 500)) : call();
    },
  });
  expect(rollout).toMatchObject({ outcome: 'completed' });
  expect(deletions).toBeGreaterThan(1);
  expect(pinIn(stage)).toBeUndefined();
  expect(faults(run)).toEqual([]);
});

test('each alias of a function has a pin of its own, whatever its name', () => {
  const long = ['a', 'b'].map((end) => pinNameOf(`${'x'.repeat(127)}${end}`));
  expect(new Set([PIN, pinNameOf('beta'), ...long]).size).toBe(4);
  for (const name of [PIN, ...long]) expect(name).toMatch(/^spillway-stable-[\w-]{1,112}$/);
});

test('a bug: stable is not pinned, and a cleanup job deletes it', async () => {
  const { run } = await play({
    rollout: VERIFIED,
    changePorts: (ports) => routers(ports, () => ({ pin: async () => ({ result: 'pinned' }) })),
    ...inVerify(async (stage) => expect(await prune(stage)).toBe('deleted')),
  });
  expect(broken(run)).toContain('stablePinned');
});

test('a bug: a pin that is removed before the rollout has closed', async () => {
  const { run } = await play({
    rollout: VERIFIED,
    changePorts: (ports) =>
      routers(ports, (router) => ({
        raise: async (target, raise) => {
          const raised = await router.raise(target, raise);
          await router.unpin(target, ROLLOUT_ID);
          return raised;
        },
      })),
    ...inVerify(async (stage) => expect(await prune(stage)).toBe('deleted')),
  });
  expect(broken(run)).toContain('stablePinned');
});

test('the version before one that another tool has put on the alias is pinned while that one is checked', async () => {
  const pins: (string | undefined)[] = [];
  const { stage } = await play({
    rollout: VERIFIED,
    intercept(command, input, call) {
      if (command === 'CreateAliasCommand')
        pins.push((input as { FunctionVersion?: string }).FunctionVersion);
      return call();
    },
    async act(stage) {
      await stage.event((event) => event.type === 'RolloutClosed');
      const version = stage.lambda.helpers.publishCounted(FUNCTION);
      await stage.clients.lambda.send(
        new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion: version }),
      );
      await stage.release({ manifest: { targets: { api: { version } } } });
      await stage.clock.sleep(MINUTE);
    },
  });
  expect(pins).toEqual(['1', '2']);
  expect(pinIn(stage)).toBeUndefined();
});

test('two targets have a pin each', async () => {
  const { rollout, run, stage } = await play({
    before: (stage) => void addWorker(stage, 'worker'),
    release: {
      manifest: { targets: { api: { version: '2' }, worker: { version: '2' } } },
      rollout: {
        ...VERIFIED,
        targets: {
          api: { lambda: FUNCTION, alias: ALIAS },
          worker: { lambda: 'checkout-prod-worker', alias: ALIAS },
        },
      },
    },
    async act(stage) {
      await stage.event((event) => event.type === 'Promoted' && event.target === 'worker');
      for (const name of [FUNCTION, 'checkout-prod-worker'])
        expect(stage.lambda.helpers.routing(name, PIN).primary).toBe('1');
    },
  });
  expect(rollout).toMatchObject({ outcome: 'completed' });
  expect(pinIn(stage)).toBeUndefined();
  expect(faults(run)).toEqual([]);
});
