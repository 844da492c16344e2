import { DeleteFunctionCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import type { Model } from '../../local/services/lambda.ts';
import { record } from '../../simulation/recording.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { journals } from './planted.ts';
import { addWorker, broken, faults, HOUR, MINUTE, type Plot, type Stage, staged } from './stage.ts';

const good: () => Model = () => () => ({ statusCode: 200, body: 'well' });
const bad: () => Model = () => () => ({ statusCode: 500, body: 'broken' });
const SMOKE = { smoke: [{ get: '/health', expect: { status: 200 } }] };

/** A function whose versions can be asked, and another tool that moves its alias. */
async function world(plot: Partial<Plot> = {}) {
  const stage: Stage = staged({ code: good(), rollout: SMOKE, ...plot });
  const recording = record(stage);
  const run = <T>(work: Promise<T>) => stage.clock.run(work, 24 * HOUR);
  await stage.clock.advance(20 * MINUTE);
  const { helpers } = stage.lambda;
  return {
    stage,
    run,
    recording,
    /** Publishes, and moves the alias to it at once. */
    deploy: async (model: Model): Promise<string> => {
      const FunctionVersion = helpers.publish(FUNCTION, model);
      await run(
        stage.clients.lambda.send(
          new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion }),
        ),
      );
      await stage.clock.advance(MINUTE);
      return FunctionVersion;
    },
    release: async (changes: Parameters<Stage['release']>[0]) => {
      const rollout = await run(stage.release(changes).then((id) => stage.ended(id)));
      await stage.clock.advance(5 * MINUTE);
      return rollout;
    },
    found: async () => faults(await run(recording.finish())),
  };
}

const tokenOf = (stage: Stage) => stage.lambda.helpers.routing(FUNCTION, ALIAS).description;

describe('a version that another tool put on the alias before its release came', () => {
  test('is asked for its smoke tests and completes unproven, with the tool and what to switch off', async () => {
    const { stage, deploy, release, found } = await world({ tags: { 'lambda:createdBy': 'SAM' } });
    const version = await deploy(good());
    const rollout = await release({ version });
    expect(rollout).toMatchObject({
      outcome: 'completed',
      reason:
        'unproven: api served version 2 before this release came, and it was not this controller that put it there, which has completed no release of it yet; it looks like one of AWS SAM (lambda:createdBy=SAM): remove AutoPublishAlias and DeploymentPreference from the function (docs/guides/coming-from.md)',
    });
    expect(Object.values(rollout.hooks).map(({ status }) => status)).toEqual(['pass']);
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
    expect(tokenOf(stage)).toMatch(/^spillway checkout-api--r1--1 1 \d+ closed$/);
    expect(await found()).toEqual([]);
  });

  test('counts as completed here from then on', async () => {
    const { stage, deploy, release } = await world();
    const version = await deploy(good());
    await release({ version });
    const before = stage.stepFunctions.executions.length;
    expect(await release({ version })).toMatchObject({
      outcome: 'completed',
      reason: 'already serving: api is at version 2',
      opening: { targets: [] },
    });
    expect(stage.stepFunctions.executions).toHaveLength(before);
  });

  test('leads back to what completed last if a smoke test fails, and is quarantined', async () => {
    const { stage, deploy, release, found } = await world();
    expect(await release({ version: stage.lambda.helpers.publish(FUNCTION, good()) })).toMatchObject({
      outcome: 'completed',
    });
    const version = await deploy(bad());
    const rollout = await release({ version });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(rollout.reason).toMatch(/answered 500 instead of 200/);
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
    expect(await release({ version })).toMatchObject({ outcome: 'refused' });
    expect(await found()).toEqual([]);
  });

  test('is halted if a smoke test fails and nothing older is known, and refused if it comes again', async () => {
    const { stage, deploy, release, found } = await world();
    const version = await deploy(bad());
    expect(await release({ version })).toMatchObject({ outcome: 'halted' });
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
    const again = await release({ version });
    expect(again).toMatchObject({ outcome: 'refused' });
    expect(again.reason).toContain('if it serves already, something else put it there');
    expect(await found()).toEqual([]);
  });

  test('is halted if what completed last was deleted', async () => {
    const { stage, run, deploy, release } = await world();
    await release({ version: stage.lambda.helpers.publish(FUNCTION, good()) });
    const version = await deploy(bad());
    await run(
      stage.clients.lambda.send(new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '2' })),
    );
    expect(await release({ version })).toMatchObject({ outcome: 'halted' });
    expect(stage.alias().primary).toBe(version);
  });

  test('can be aborted while its hooks are asked', async () => {
    const { stage, run, deploy, release } = await world({
      rollout: { hooks: { beforeTraffic: [{ lambda: 'checkout-check', timeout: '10m' }] } },
    });
    const { helpers } = stage.lambda;
    helpers.createFunction({ name: 'checkout-check', tags: { 'spillway:service': 'checkout-api' } });
    helpers.deployModel('checkout-check', () => ({ status: 'pass', reason: 'it looks well' }));
    await release({ version: helpers.publish(FUNCTION, good()) });
    helpers.deployModel('checkout-check', () => ({ status: 'pending' }));
    const version = await deploy(good());
    const started = stage.saw('HookStarted');
    const id = await run(stage.release({ version }));
    await run(started);
    await run(stage.order('abort', { rolloutId: id }));
    expect(stage.alias().primary).toBe('2');
    expect((await run(stage.ended(id))).outcome).toBe('reverted');
  });

  test('is not asked twice and not raised if its upload is heard of twice', async () => {
    const { stage, deploy, release, found } = await world({ copies: () => [0, 3_000] });
    const version = await deploy(good());
    expect(await release({ version })).toMatchObject({ outcome: 'completed' });
    expect(await found()).toEqual([]);
    expect(stage.alias().primary).toBe(version);
  });
});

test('a target that moved already beside one that did not is asked too, and makes the outcome unproven', async () => {
  const { stage, deploy, release, found } = await world();
  const { helpers } = stage.lambda;
  const worker = addWorker(stage, 'worker');
  const both = (api: string, other: string) =>
    release({
      manifest: { targets: { api: { version: api }, worker: { version: other } } },
      rollout: {
        targets: { api: { lambda: FUNCTION, alias: ALIAS }, worker },
        smoke: [{ ...SMOKE.smoke[0], target: 'api' }],
      },
    });
  expect(await both(helpers.publish(FUNCTION, good()), '2')).toMatchObject({ outcome: 'completed' });
  const third = helpers.publishCounted(worker.lambda);
  const rollout = await both(await deploy(good()), third);
  expect(rollout.opening.targets.map(({ name }) => name)).toEqual(['worker']);
  expect(rollout).toMatchObject({ outcome: 'completed' });
  expect(rollout.reason).toMatch(
    /^unproven: api served version 4 before this release came, .+ which left version 2/,
  );
  expect(Object.values(rollout.hooks).map(({ status }) => status)).toEqual(['pass']);
  const fourth = helpers.publishCounted(worker.lambda);
  const halved = await both(await deploy(bad()), fourth);
  expect(halved).toMatchObject({ outcome: 'halted' });
  expect(halved.reason).toMatch(
    /something else had put api on version \d+ of this release before it came, so it was not reverted; point alias live of \S+ at version \d+, which completed here last$/,
  );
  expect(helpers.routing(worker.lambda, ALIAS).primary).toBe(third);
  expect(await found()).toEqual([]);
});

/** The first release of a service with two targets, one of which another tool has already put on its bad version. */
async function halfMoved(plot: Partial<Plot> = {}) {
  const { stage, deploy, release, recording, run } = await world({
    canaries: { 2: { errors: 0, faults: 0.4 } },
    rollout: {},
    ...plot,
  });
  const worker = addWorker(stage, 'worker');
  const version = await deploy(good());
  const rollout = await release({
    manifest: { targets: { api: { version }, worker: { version: '2' } } },
    rollout: { targets: { api: { lambda: FUNCTION, alias: ALIAS }, worker } },
  });
  return { rollout, recorded: await run(recording.finish()) };
}

test('a target that moved before the first release of its service makes that release unproven', async () => {
  const { rollout, recorded } = await halfMoved();
  expect(rollout.opening.targets.map(({ name }) => name)).toEqual(['worker']);
  expect(rollout.reason).toMatch(/^unproven: api served version 2 before this release came/);
  expect(faults(recorded)).toEqual([]);
});

test('a checker sees a release that is called proven although a part of it was never compared', async () => {
  const bug = await halfMoved({
    changePorts: (ports) =>
      journals(ports, (journal) => ({
        open: (events, decidedOn) =>
          journal.open(
            events.map((event) =>
              event.type === 'RolloutOpened' ? { ...event, adopted: undefined } : event,
            ),
            decidedOn,
          ),
      })),
  });
  expect(bug.rollout.reason).toMatch(/^proven/);
  expect(broken(bug.recorded)).toContain('provenMeansWell');
});

test('an alias that no longer serves what completed last is a notice at the next opening', async () => {
  const { stage, deploy, release } = await world({
    tags: { 'aws:cloudformation:logical-id': 'Api5C2F0A1B' },
  });
  await release({ version: stage.lambda.helpers.publish(FUNCTION, good()) });
  await deploy(good());
  const rollout = await release({ version: stage.lambda.helpers.publish(FUNCTION, good()) });
  expect(rollout.opening.notices).toContain(
    'alias live of checkout-prod-Api serves version 3, but checkout-api--r1--1, which completed last, left version 2: something else moved it since, and this controller never checked version 3, to which a revert of this rollout leads back; it looks like one of AWS CDK (aws:cloudformation:logical-id=Api5C2F0A1B): give the Alias a fixed version instead of currentVersion, and remove LambdaDeploymentGroup (docs/guides/coming-from.md)',
  );
  expect(rollout.outcome).toBe('completed');
});
