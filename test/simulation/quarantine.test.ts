import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { record } from '../../simulation/recording.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { addWorker, broken, HOUR, MINUTE, type Plot, type Stage, staged } from './stage.ts';

const zipOf = (text: string) => zipSync({ 'index.mjs': new TextEncoder().encode(text) });
const [STABLE, BAD, FIXED] = ['stable', 'bad', 'fixed'].map((text) =>
  zipOf(`export const handler = () => '${text}';`),
) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
const ZIPS: Partial<Plot> = {
  tags: { 'spillway:mode': 'zip' },
  code: STABLE,
  canaries: { 2: { errors: 0.2 } },
};

/** A world that is warm, and what releases into it and waits for the end. */
async function warm(plot: Partial<Plot> = {}) {
  const stage: Stage = staged(plot);
  const recording = record(stage);
  const run = <T>(work: Promise<T>) => stage.clock.run(work, 24 * HOUR);
  await stage.clock.advance(20 * MINUTE);
  const release = async (changes: Parameters<Stage['release']>[0] = {}) => {
    const rollout = await run(stage.release(changes).then((id) => stage.ended(id)));
    await stage.clock.advance(5 * MINUTE);
    return rollout;
  };
  const retry = (rolloutId: string) =>
    run(stage.invoke('Command', { command: 'retry', rolloutId, by: 'ada' }));
  return { stage, run, release, retry, faults: async () => broken(await run(recording.finish())) };
}

describe('a zip that was reverted', () => {
  test('is refused under another release id before anything is published or any user meets it', async () => {
    const { stage, release, faults } = await warm(ZIPS);
    expect(await release({ zip: BAD })).toMatchObject({ outcome: 'reverted' });
    const second = await release({ zip: BAD });
    expect(second).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(
        /^release r2 has the same artifacts \(api version 2\) as release r1, which was reverted as checkout-api--r1--1 \(.+\); upload a fixed release, or run retry checkout-api--r2--1 to release it anyway\.$/,
      ),
    });
    expect(second.opening.targets).toEqual([]);
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(await faults()).toEqual([]);
  });

  test('does not keep a fixed one out, and is kept out after it too', async () => {
    const { release } = await warm(ZIPS);
    await release({ zip: BAD });
    expect(await release({ zip: FIXED })).toMatchObject({ outcome: 'completed' });
    expect(await release({ zip: BAD })).toMatchObject({ outcome: 'refused' });
  });

  test('may go out again with a fixed configuration, and the same configuration may not', async () => {
    const { stage, release, faults } = await warm({ ...ZIPS, canaries: { 2: { errors: 0.2 } } });
    await release({ zip: BAD });
    stage.lambda.helpers.configure(FUNCTION, { variables: { TABLE: 'orders' } });
    expect(await release({ zip: BAD })).toMatchObject({ outcome: 'completed' });
    expect(stage.alias().primary).toBe('3');
    expect(await faults()).toEqual([]);
  });

  test('goes out again if a person retries it, under the name that was refused as well', async () => {
    const { stage, release, retry, run } = await warm(ZIPS);
    await release({ zip: BAD });
    await release({ zip: BAD });
    await retry('checkout-api--r2--1');
    const again = await run(stage.ended('checkout-api--r2--2'));
    expect(again.outcome).toBe('reverted');
    expect(again.opening.targets[0]?.canary).toBe('2');
  });
});

test('a variable that was fixed is released with the same zip, although stable runs that zip', async () => {
  const { stage, release } = await warm({ tags: { 'spillway:mode': 'zip' }, code: STABLE });
  stage.lambda.helpers.configure(FUNCTION, { variables: { TABLE: 'orders' } });
  expect(await release({ zip: STABLE })).toMatchObject({ outcome: 'completed' });
  expect(stage.alias().primary).toBe('2');
});

test('a version that the user published anew from the same code and configuration is refused', async () => {
  const { stage, release } = await warm({ canaries: { 2: { errors: 0.2 } } });
  const { helpers } = stage.lambda;
  const [bad, other] = [zipOf('bad'), zipOf('other')];
  expect(await release({ version: helpers.publish(FUNCTION, bad) })).toMatchObject({ outcome: 'reverted' });
  helpers.publish(FUNCTION, other);
  const again = await release({ version: helpers.publish(FUNCTION, bad) });
  expect(again).toMatchObject({ outcome: 'refused' });
  expect(again.reason).toContain('has the same artifacts (api version');
});

test('a version that was aborted, retried and proven is no longer kept out, under any name', async () => {
  const { stage, run, release, retry, faults } = await warm();
  const version = stage.lambda.helpers.publishCounted(FUNCTION);
  const raised = stage.saw('Shifted');
  const first = await run(stage.release({ version }));
  await run(raised);
  await run(stage.order('abort'));
  await run(stage.ended(first));
  expect(await release({ version })).toMatchObject({ outcome: 'refused' });
  await retry('checkout-api--r2--1');
  expect((await run(stage.ended('checkout-api--r2--2'))).reason).toMatch(/^proven/);
  const again = { outcome: 'completed', reason: 'already serving: api is at version 2' };
  expect(await release({ version })).toMatchObject(again);
  expect(await faults()).toEqual([]);
});

test('one of two artifacts that were aborted is kept out alone beside what serves, until a person retries it', async () => {
  const { stage, run, release, retry } = await warm();
  const targets = { api: { lambda: FUNCTION, alias: ALIAS }, worker: addWorker(stage, 'worker') };
  const both = (api: string) => ({
    ...{ manifest: { targets: { api: { version: api }, worker: { version: '2' } } }, rollout: { targets } },
  });
  const raised = stage.saw('Shifted');
  const first = await run(stage.release(both(stage.lambda.helpers.publishCounted(FUNCTION))));
  await run(raised);
  await run(stage.order('abort'));
  await run(stage.ended(first));
  expect(await release(both('1'))).toMatchObject({
    ...{ outcome: 'refused', reason: expect.stringContaining('worker version 2') },
  });
  await retry('checkout-api--r2--1');
  expect((await run(stage.ended('checkout-api--r2--2'))).outcome).toBe('completed');
});

test('a retry lifts what keeps one artifact out also while another rollout has its targets', async () => {
  const { stage, run, release, retry } = await warm();
  const targets = { api: { lambda: FUNCTION, alias: ALIAS }, worker: addWorker(stage, 'worker') };
  const both = (api: string, worker: string) => ({
    manifest: { targets: { api: { version: api }, worker: { version: worker } }, allowOlder: true },
    rollout: { targets },
  });
  const { helpers } = stage.lambda;
  const begun = async (api: string, worker: string) => {
    const raised = stage.saw('Shifted');
    const id = await run(stage.release(both(api, worker)));
    await run(raised);
    return id;
  };
  expect(await release(both('1', '2'))).toMatchObject({ outcome: 'completed' });
  const third = helpers.publishCounted(targets.worker.lambda);
  const first = await begun(helpers.publishCounted(FUNCTION), third);
  await run(stage.order('abort', { rolloutId: first }));
  await run(stage.ended(first));
  expect(await release(both('1', third))).toMatchObject({ outcome: 'refused' });
  const present = await begun('1', helpers.publishCounted(targets.worker.lambda));
  await retry('checkout-api--r3--1');
  await run(stage.order('abort', { rolloutId: present }));
  expect((await run(stage.ended('checkout-api--r3--2'))).outcome).toBe('completed');
});

describe('asked again when it is published', () => {
  test('a configuration that somebody put back after the opening is refused before the first raise', async () => {
    const { stage, release, run } = await warm(ZIPS);
    const { helpers } = stage.lambda;
    helpers.configure(FUNCTION, { variables: { TABLE: 'wrong' } });
    expect(await release({ zip: BAD })).toMatchObject({ outcome: 'reverted' });
    helpers.configure(FUNCTION, { variables: { TABLE: 'right' } });
    const opened = stage.saw('RolloutOpened');
    const id = await run(stage.release({ zip: BAD }));
    await run(opened);
    helpers.configure(FUNCTION, { variables: { TABLE: 'wrong' } });
    const second = await run(stage.ended(id));
    expect(second.outcome).toBe('refused');
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  });
});

test('an image that was reverted is refused under another release id, by its digest', async () => {
  const uri = (digit: string) =>
    `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:${digit.repeat(64)}`;
  const { stage, run, release } = await warm({
    tags: { 'spillway:mode': 'image' },
    canaries: { 3: { errors: 0.2 } },
  });
  const FunctionVersion = stage.lambda.helpers.publishImage(FUNCTION, uri('a'));
  await run(
    stage.clients.lambda.send(
      new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion }),
    ),
  );
  expect(await release({ image: uri('b') })).toMatchObject({ outcome: 'reverted' });
  expect(await release({ image: uri('b') })).toMatchObject({ outcome: 'refused' });
  expect(await release({ image: uri('c') })).toMatchObject({ outcome: 'completed' });
});
