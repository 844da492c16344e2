import { expect, test } from 'vitest';
import { closeRollout } from '../../functions/close-rollout.ts';
import { command } from '../../functions/command.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { actor } from '../core/rollout/given.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const STAGING = { manifest: { requires: { completedIn: 'staging' } } };

async function completed(stage: Stage, ports = stage.ports) {
  const ref = await stage.openRaised();
  await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
  await stage.call(promoteCanary, ref);
  return stage.call(closeRollout, ref, ports);
}
const toldHere = async (stage: Stage) => {
  const { digests = {} } = (await stage.rollout()).opening;
  const { environment, completions } = stage.ports;
  return stage.clock.run(completions.find({ environment, service: SERVICE, digests }));
};
const brief = () => setUp({ rollout: { verify: '0s' } });

test('a completed rollout tells what its targets are made of', async () => {
  const stage = brief();
  await completed(stage);
  const { digests = {} } = (await stage.rollout()).opening;
  expect(Object.keys(digests)).toEqual(['api']);
  expect(digests.api).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect(await toldHere(stage)).toMatchObject({ rolloutId: FIRST, completed: true, digests });
});

test('a rollout that was reverted tells nothing', async () => {
  const stage = brief();
  const ref = await stage.openRaised();
  await stage.call(revertTraffic, { ref, came: {} });
  expect((await stage.rollout()).outcome).toBe('reverted');
  expect(await toldHere(stage)).toBeUndefined();
});

test('what is aborted just before its end is never told to have completed', async () => {
  const stage = brief();
  const { journal } = stage.ports;
  const ports = withJournal(stage.ports, {
    async append(rollout, events) {
      const at = stage.clock.now();
      if (events.some(({ type }) => type === 'RolloutClosed'))
        await journal.append(await stage.rollout(), [
          { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
        ]);
      return journal.append(rollout, events);
    },
  });
  expect(await completed(stage, ports)).toMatchObject({ kind: 'revert' });
  expect(await toldHere(stage)).toBeUndefined();
});

test('a record that cannot be reached holds no completion up', async () => {
  const stage = brief();
  const { completions } = stage.ports;
  for (const publish of [unreachable, () => new Promise<never>(() => {})]) {
    const fresh = brief();
    expect(
      await completed(fresh, { ...fresh.ports, completions: { ...completions, publish } }),
    ).toMatchObject({
      kind: 'done',
    });
    expect((await fresh.rollout()).outcome).toBe('completed');
  }
});

test('a rollback tells that what it reverted no longer counts', async () => {
  const stage = brief();
  await completed(stage);
  await stage.call(command, { command: 'rollback', rolloutId: FIRST, by: 'ada', reason: 'orders look odd' });
  const back = stage.started.at(-1);
  if (back === undefined) throw new Error('No rollback was started.');
  expect(await toldHere(stage)).toMatchObject({ rolloutId: back.rolloutId, completed: false });
});

test('a release that must have completed elsewhere is refused until that is told of the same code', async () => {
  const stage = setUp();
  const refused = await stage.call(openRollout, await stage.upload(STAGING));
  expect(refused).toMatchObject({
    result: 'refused',
    reason: expect.stringMatching(
      /^requires\.completedIn: exactly these artifacts are not reported as completed in environment staging/,
    ),
  });
  const digests = await digestsOf(stage, '2');
  const told = {
    environment: 'staging',
    service: SERVICE,
    digests,
    rolloutId: FIRST,
    completed: true,
    at: 5,
  };
  await stage.clock.run(stage.ports.completions.publish(told));
  const again = { ...STAGING, manifest: { ...STAGING.manifest, targets: { api: { version: '2' } } } };
  expect(await stage.call(openRollout, await stage.upload(again))).toMatchObject({ result: 'opened' });
});

test('a release in whose folder somebody wrote such a record is refused all the same', async () => {
  const stage = setUp();
  const event = await stage.upload(STAGING);
  const told = {
    schema: 1,
    environment: 'staging',
    service: SERVICE,
    rolloutId: FIRST,
    completed: true,
    at: 5,
  };
  await stage.uploadBody(`releases/${SERVICE}/r1/completions/staging.json`, {
    ...told,
    digests: await digestsOf(stage, '2'),
  });
  expect(await stage.call(openRollout, event)).toMatchObject({ result: 'refused' });
});

test('nothing is asked where nothing is required', async () => {
  const stage = setUp();
  const ports = { ...stage.ports, completions: { ...stage.ports.completions, find: unreachable } };
  expect(await stage.call(openRollout, await stage.upload(), ports)).toMatchObject({ result: 'opened' });
});

test('a record that cannot be read just now is asked again, and is no refusal', async () => {
  const stage = setUp();
  const ports = { ...stage.ports, completions: { ...stage.ports.completions, find: unreachable } };
  await expect(stage.call(openRollout, await stage.upload(STAGING), ports)).rejects.toThrow(
    'could not be reached',
  );
});

async function digestsOf(stage: Stage, version: string): Promise<Record<string, string>> {
  const { Configuration } = (await stage.scenario.lambda.operations.GetFunctionCommand({
    FunctionName: 'checkout-prod-Api',
    Qualifier: version,
  })) as { Configuration: { CodeSha256: string } };
  return { api: Configuration.CodeSha256 };
}
