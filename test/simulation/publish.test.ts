import { AddPermissionCommand } from '@aws-sdk/client-lambda';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { crashes, type Point } from '../../simulation/faults.ts';
import {
  createScenario,
  FUNCTION,
  ROLLOUT,
  type Scenario,
  type ScenarioOptions,
  SERVICE,
  uploadZip,
} from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ID = `${SERVICE}--r1--1`;
const WORKER = 'checkout-prod-Worker';
const IMAGE = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:`;

const zipOf = (text: string, name = 'index.mjs') => zipSync({ [name]: new TextEncoder().encode(text) });
const STABLE = zipOf('export const handler = () => 1;');
const CANARY = zipOf('export const handler = () => 2;');
const STRANGER = zipOf('export const handler = () => 3;');
const ON_STABLE = { primary: '1', weights: {} };
const ON_CANARY = { primary: '2', weights: {} };
const BAD = { '2': { errors: 0.2 } };

interface Stage extends Scenario {
  clock: VirtualClock;
  history: RolloutEvent[];
  /** The SHA-256 of what `$LATEST` or a version runs; undefined if there is no such version. */
  code(qualifier?: string): Promise<string | undefined>;
  /** Resolves when an event of this type has been written. */
  saw(type: RolloutEvent['type']): Promise<void>;
}

function stageWith(options: Partial<ScenarioOptions> = {}): Stage {
  const clock = virtualClock();
  const tags = { 'spillway:mode': 'zip' };
  const scenario = createScenario({ seed: 1, tags, code: STABLE, ...options, clock });
  const history: RolloutEvent[] = [];
  const listeners: ((event: RolloutEvent) => void)[] = [];
  scenario.follow(({ events }) => {
    history.push(...events);
    for (const event of events) for (const listener of listeners) listener(event);
  });
  return {
    ...scenario,
    clock,
    history,
    async code(Qualifier) {
      const { GetFunctionConfigurationCommand: get } = scenario.lambda.operations;
      const found = await Promise.resolve(get({ FunctionName: FUNCTION, Qualifier })).catch(() => undefined);
      return found?.CodeSha256;
    },
    saw: (type) =>
      new Promise((resolve) => {
        listeners.push((event) => event.type === type && resolve());
      }),
  };
}

/** Releases and answers the rollout as it ended. */
async function played(
  stage: Stage,
  changes: Parameters<Scenario['release']>[0] = { zip: CANARY },
): Promise<Rollout> {
  await stage.clock.advance(10 * MINUTE);
  const rollout = await stage.clock.run(
    stage.release(changes).then((id) => stage.ended(id)),
    72 * HOUR,
  );
  await stage.clock.advance(5 * MINUTE);
  return rollout;
}

const types = ({ history }: Stage) => history.map(({ type }) => type);
const stableCode = () => stageWith().code('1');

describe('a zip', () => {
  test('is published as the next version, and carried to all traffic', async () => {
    const stage = stageWith();
    const before = await stage.code();
    expect(await played(stage)).toMatchObject({ outcome: 'completed' });
    expect(stage.alias()).toEqual(ON_CANARY);
    expect(types(stage).slice(0, 3)).toEqual(['RolloutOpened', 'Published', 'Continued']);
    expect(await stage.code('1')).toBe(before);
    expect(await stage.code('2')).not.toBe(before);
    expect(await stage.code()).toBe(await stage.code('2'));
  });

  test('is never asked about in metrics before it is a version', async () => {
    const asked: string[] = [];
    const stage = stageWith({
      changePorts: (ports) => ({
        ...ports,
        metrics: {
          ...ports.metrics,
          read: (target, ...more) => {
            asked.push(target.canary);
            return ports.metrics.read(target, ...more);
          },
        },
      }),
    });
    expect(await played(stage)).toMatchObject({ outcome: 'completed' });
    expect(new Set(asked)).toEqual(new Set(['1', '2']));
  });

  test('that is bad is reverted, and $LATEST runs the code of stable again', async () => {
    const stage = stageWith({ canaries: BAD });
    expect(await played(stage)).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(stage.alias()).toEqual(ON_STABLE);
    expect(await stage.code('2')).toBeDefined();
    expect(await stage.code()).toBe(await stage.code('1'));
  });

  test('that is bad leaves $LATEST to whoever has changed it since', async () => {
    const stage = stageWith({ canaries: BAD });
    void stage.saw('Shifted').then(() => stage.lambda.helpers.deployModel(FUNCTION, () => 'mine'));
    expect(await played(stage)).toMatchObject({ outcome: 'reverted' });
    expect([await stage.code('1'), await stage.code('2')]).not.toContain(await stage.code());
  });

  test('is put back before the release that waits is opened, however slow Lambda is', async () => {
    const stage: Stage = stageWith({
      canaries: BAD,
      intercept: async (command, input, call) => {
        if (command === 'UpdateFunctionCodeCommand' && 'ZipFile' in input)
          await Promise.race([stage.saw('RolloutOpened'), stage.clock.sleep(2_000)]);
        return call();
      },
    });
    await stage.clock.advance(10 * MINUTE);
    const first = stage.saw('Shifted').then(() => stage.release({ zip: STRANGER }));
    const second = stage.release({ zip: CANARY }).then((id) => stage.ended(id));
    expect(await stage.clock.run(second, HOUR)).toMatchObject({ outcome: 'reverted' });
    expect(await stage.clock.run(stage.ended(await first), HOUR)).toMatchObject({ outcome: 'completed' });
    expect(stage.alias()).toEqual({ primary: '3', weights: {} });
    expect(await stage.code()).toBe(await stage.code('3'));
  });

  test('that stable runs already publishes nothing, and is not called proven if it never completed here', async () => {
    const stage = stageWith();
    expect(await played(stage, { zip: STABLE })).toMatchObject({
      outcome: 'completed',
      reason: expect.stringMatching(/^unproven: api served version 1 before this release came/),
    });
    expect(await stage.code('2')).toBeUndefined();
  });

  test('beside a target that does not change goes out alone', async () => {
    const stage = stageWith();
    const { helpers } = stage.lambda;
    helpers.createFunction({ name: WORKER, tags: { 'spillway:service': SERVICE, 'spillway:mode': 'zip' } });
    helpers.createAlias(WORKER, ALIAS, helpers.publish(WORKER, STRANGER));
    const prefix = `releases/${SERVICE}/r1`;
    const [api, worker] = await stage.clock.run(
      Promise.all([
        uploadZip(stage, `${prefix}/api.zip`, CANARY),
        uploadZip(stage, `${prefix}/worker.zip`, STRANGER),
      ]),
    );
    const rollout = await played(stage, {
      manifest: { targets: { api: { zip: api }, worker: { zip: worker } } },
      rollout: { targets: { ...ROLLOUT.targets, worker: { lambda: WORKER, alias: ALIAS } } },
      release: 'r1',
      zip: CANARY,
    });
    expect(rollout).toMatchObject({ outcome: 'completed' });
    expect(rollout.opening.targets.map(({ name }) => name)).toEqual(['api']);
    expect(stage.alias()).toEqual(ON_CANARY);
    expect(helpers.routing(WORKER, ALIAS)).toMatchObject(ON_STABLE);
  });

  test('that takes longer than 15 minutes to become Active is refused, and $LATEST is put back', async () => {
    const stage = stageWith();
    stage.lambda.helpers.publishSlowly(FUNCTION, 20 * MINUTE);
    const rollout = await played(stage);
    expect(rollout).toMatchObject({ outcome: 'refused', reason: 'api could not be published in time' });
    expect(rollout.lastEventAt - rollout.openedAt).toBeGreaterThan(15 * MINUTE);
    expect(rollout.lastEventAt - rollout.openedAt).toBeLessThan(16 * MINUTE);
    expect(types(stage)).not.toContain('TookOver');
    expect(await stage.code('3')).toBeUndefined();
    expect(await stage.code()).toBe(await stableCode());
    expect(stage.alias()).toEqual(ON_STABLE);
  });

  test('that takes three minutes to become Active is waited for', async () => {
    const stage = stageWith();
    stage.lambda.helpers.publishSlowly(FUNCTION, 3 * MINUTE);
    expect(await played(stage)).toMatchObject({ outcome: 'completed' });
    expect(await stage.code('3')).toBeUndefined();
  });

  test('is refused where somebody else deploys between the opening and the update', async () => {
    let deployed = false;
    const stage: Stage = stageWith({
      around: (name, event, call) => {
        if (name === 'PublishRelease' && !deployed) stage.lambda.helpers.deployModel(FUNCTION, () => 'mine');
        if (name === 'PublishRelease') deployed = true;
        return call(event);
      },
    });
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('refused');
    expect(rollout.reason).toMatch(/somebody else changed \$LATEST of checkout-prod-Api/i);
    expect(rollout.leaving?.cause).toBe('environment');
    expect(await stage.code('2')).toBeUndefined();
    expect(await stage.code()).not.toBe(await stableCode());
  });

  test('goes on if somebody only adds a permission after the opening, which changes the revision of $LATEST', async () => {
    let isAdded = false;
    const stage: Stage = stageWith({
      around: async (name, event, call) => {
        if (name === 'PublishRelease' && !isAdded) {
          isAdded = true;
          await stage.clients.lambda.send(
            new AddPermissionCommand({
              FunctionName: FUNCTION,
              StatementId: 'rule',
              Action: 'lambda:InvokeFunction',
              Principal: 'events.amazonaws.com',
            }),
          );
        }
        return call(event);
      },
    });
    expect((await played(stage)).outcome).toBe('completed');
    expect(isAdded).toBe(true);
  });

  test('is refused where somebody else deploys between the update and the publishing', async () => {
    let deployed = false;
    const stage: Stage = stageWith({
      intercept: (command, _input, call) => {
        if (command === 'PublishVersionCommand' && !deployed)
          stage.lambda.helpers.deployModel(FUNCTION, () => 'mine');
        if (command === 'PublishVersionCommand') deployed = true;
        return call();
      },
    });
    const rollout = await played(stage);
    expect(rollout.outcome).toBe('refused');
    expect(rollout.reason).toMatch(/somebody else changed \$LATEST/i);
    expect(await stage.code('2')).toBeUndefined();
  });
});

describe('publishing that is killed at a call', () => {
  /** Every call of an undisturbed publishing, once each time it is made. */
  async function points(): Promise<Point[]> {
    const found: Point[] = [];
    const hooks = crashes((point) => {
      if (point.fn === 'PublishRelease') found.push(point);
      return false;
    });
    await played(stageWith(hooks));
    return found;
  }

  test.each([
    ['Lambda.ServiceException', 0],
    ['Runtime.ExitError', 1],
  ])(
    'goes on where it stopped and makes one version, whichever call it was: %s',
    async (error, first) => {
      const all = await points();
      expect(new Set(all.map(({ op }) => op))).toEqual(
        new Set([
          'handler',
          'journal.putToken',
          'journal.read',
          'journal.service',
          'GetFunctionCommand',
          'UpdateFunctionCodeCommand',
          'PublishVersionCommand',
          'GetFunctionConfigurationCommand',
          'journal.append',
          'SendTaskSuccessCommand',
        ]),
      );
      for (const index of sampled([...all.keys()], 3, first)) {
        let seen = -1;
        const dies = ({ fn }: Point) => {
          if (fn === 'PublishRelease') seen += 1;
          return fn === 'PublishRelease' && seen === index;
        };
        const stage = stageWith(crashes(dies, () => error));
        const rollout = await played(stage);
        expect([rollout.outcome, rollout.reason], JSON.stringify(all[index])).toEqual([
          'completed',
          expect.anything(),
        ]);
        expect(stage.alias()).toEqual(ON_CANARY);
        expect(await stage.code('3')).toBeUndefined();
        expect(types(stage).filter((type) => type === 'Published')).toHaveLength(1);
      }
    },
    60_000,
  );

  test('and once more when it is called again leaves traffic on stable and $LATEST as it was, whichever call it was', async () => {
    const all = await points();
    let refused = 0;
    for (const index of all.keys()) {
      let seen = -1;
      let died = Number.NaN;
      const dies = ({ fn, nth }: Point) => {
        if (fn !== 'PublishRelease') return false;
        seen += 1;
        if (seen === index) died = nth;
        return seen === index || nth === died + 1;
      };
      const stage = stageWith(crashes(dies, () => 'Runtime.ExitError'));
      const rollout = await played(stage);
      // Once it has woken its own state, nothing of it is missed.
      const isDone = rollout.outcome === 'completed';
      const what = JSON.stringify(all[index]);
      if (!isDone) expect(rollout.outcome, what).toBe('refused');
      if (!isDone) refused += 1;
      expect(stage.alias(), what).toEqual(isDone ? ON_CANARY : ON_STABLE);
      expect(await stage.code(), what).toBe(await stage.code(isDone ? '2' : '1'));
    }
    expect(refused).toBeGreaterThan(all.length / 2);
  }, 60_000);
});

describe('what was published after the rollout was opened', () => {
  const down = (): never => {
    throw new TypeError('rollout.plan is undefined');
  };

  test('is reverted even by the revert path that needs no function', async () => {
    const stage = stageWith({
      around: async (name, event, call) =>
        name === 'Measure' || name === 'RevertTraffic' || name === 'Watchdog' ? down() : call(event),
    });
    const shifted = stage.saw('Shifted').then(() => stage.alias());
    const id = await stage.clock.run(stage.release({ zip: CANARY }));
    expect(id).toBe(ID);
    expect(await stage.clock.run(shifted)).toEqual({ primary: '1', weights: { '2': 10 } });
    await stage.clock.advance(10 * MINUTE);
    expect(stage.alias()).toEqual(ON_STABLE);
  });

  test('is known to the watchdog before it has traffic', async () => {
    const stage = stageWith();
    const frozen = stage.saw('ShiftIntended').then(() => stage.ports.watchdog.frozen(ID));
    await stage.clock.run(stage.release({ zip: CANARY }));
    expect(await stage.clock.run(frozen)).toMatchObject({
      epoch: 2,
      targets: [{ name: 'api', canary: '2', stable: '1' }],
    });
  });

  test('is known to the watchdog that took over before the fresh execution was started', async () => {
    const stage: Stage = stageWith({
      around: async (name, event, call) => {
        if (name !== 'ContinueAsNew') return call(event);
        await stage.ports.executions.stop(ID, 1, 'it dies');
        return new Promise(() => {});
      },
    });
    const frozen = stage.saw('ShiftIntended').then(() => stage.ports.watchdog.frozen(ID));
    await stage.clock.run(stage.release({ zip: CANARY }));
    expect(await stage.clock.run(frozen, HOUR)).toMatchObject({ epoch: 2, targets: [{ canary: '2' }] });
    expect(types(stage)).toContain('TookOver');
  });

  test('is reverted by the execution that was started before it, too', async () => {
    const stage = stageWith({
      around: async (name, event, call) => {
        const answer = await call(event);
        return name === 'ContinueAsNew' ? new Promise(() => {}) : answer;
      },
    });
    const shifted = stage.saw('Shifted').then(() => stage.alias());
    const reverted = stage.saw('Reverted').then(() => stage.alias());
    await stage.clock.run(stage.release({ zip: CANARY }));
    expect(await stage.clock.run(shifted)).toEqual({ primary: '1', weights: { '2': 10 } });
    expect(await stage.clock.run(reverted, HOUR)).toEqual(ON_STABLE);
  });
});

describe('a version', () => {
  test('that is Pending for three minutes is waited for', async () => {
    const stage = stageWith({ tags: {} });
    stage.lambda.helpers.publishSlowly(FUNCTION, 3 * MINUTE);
    const rollout = await played(stage, {});
    expect(rollout).toMatchObject({ outcome: 'completed' });
    const published = stage.history.find(({ type }) => type === 'Published');
    expect((published?.at ?? 0) - rollout.openedAt).toBeGreaterThan(2.9 * MINUTE);
    expect(stage.alias()).toEqual(ON_CANARY);
  });

  test('that is Pending for good is refused after 15 minutes, and no code is touched', async () => {
    const stage = stageWith({ tags: {} });
    stage.lambda.helpers.publishSlowly(FUNCTION, 24 * HOUR);
    expect(await played(stage, {})).toMatchObject({ outcome: 'refused', leaving: { cause: 'timeout' } });
    expect(await stage.code()).toBe(await stage.code('2'));
    expect(stage.alias()).toEqual(ON_STABLE);
  });

  test('that fails while it is waited for is refused', async () => {
    const stage = stageWith({ tags: {} });
    stage.lambda.helpers.publishSlowly(FUNCTION, 24 * HOUR);
    void stage.saw('RolloutOpened').then(async () => {
      await stage.clock.sleep(MINUTE);
      stage.lambda.helpers.setState(FUNCTION, '2', 'Failed');
    });
    const rollout = await played(stage, {});
    expect(rollout).toMatchObject({ outcome: 'refused' });
    expect(rollout.reason).toMatch(/version 2 of checkout-prod-Api is Failed/i);
  });
});

describe('an image', () => {
  const [first, second] = [`${IMAGE}${'a'.repeat(64)}`, `${IMAGE}${'b'.repeat(64)}`];
  const imageStage = (options: Partial<ScenarioOptions> = {}) => {
    const stage = stageWith({
      ...options,
      tags: { 'spillway:mode': 'image' },
      canaries: { '3': { errors: 0.2 } },
    });
    const { helpers } = stage.lambda;
    const version = helpers.publishImage(FUNCTION, first);
    return { stage, version };
  };
  const moved = async (stage: Stage, version: string) =>
    stage.lambda.operations.UpdateAliasCommand({
      FunctionName: FUNCTION,
      Name: ALIAS,
      FunctionVersion: version,
    });
  const release = (image: string) => ({ zip: CANARY, manifest: { targets: { api: { image } } } });

  test('is published by its digest, and the one of stable is put back where it is bad', async () => {
    const { stage, version } = imageStage();
    await moved(stage, version);
    expect(await played(stage, release(second))).toMatchObject({ outcome: 'reverted' });
    expect(await stage.code('3')).toBe('b'.repeat(64));
    expect(await stage.code()).toBe('a'.repeat(64));
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
  });

  test('that stable runs already publishes nothing, and is not called proven if it never completed here', async () => {
    const { stage, version } = imageStage();
    await moved(stage, version);
    expect(await played(stage, release(first))).toMatchObject({
      outcome: 'completed',
      reason: expect.stringMatching(/^unproven: api served version 2 before this release came/),
    });
  });

  test('is refused for a function whose code is a zip', async () => {
    const stage = stageWith({ tags: { 'spillway:mode': 'image' } });
    const rollout = await played(stage, release(second));
    expect(rollout.outcome).toBe('refused');
    expect(rollout.reason).toMatch(/package type Zip, and Lambda never changes that; release a zip/);
  });
});

describe('what cannot be published is refused at the door', () => {
  const large = (): Uint8Array => {
    const zip = zipOf('x');
    const view = new DataView(zip.buffer, zip.byteOffset);
    const entry = [...zip.keys()].find(
      (at) => at + 4 <= zip.length && view.getUint32(at, true) === 0x02014b50,
    );
    view.setUint32((entry ?? 0) + 24, 300 * 1024 * 1024, true);
    return zip;
  };
  type Named = Awaited<ReturnType<typeof uploadZip>>;
  const table: [what: string, zip: Uint8Array, says: RegExp, change?: (zip: Named) => object][] = [
    [
      'a zip that was never uploaded',
      CANARY,
      /other\.zip .*is gone from bucket/,
      (zip) => ({ ...zip, key: zip.key.replace('api.zip', 'other.zip') }),
    ],
    [
      'an object version that S3 never gave out',
      CANARY,
      /is no version of an object in bucket releases; upload it again, and name the version that S3 answers/,
      (zip) => ({ ...zip, versionId: 'gone' }),
    ],
    ['a truncated zip', CANARY.subarray(0, CANARY.length - 9), /api\.zip is truncated or damaged/],
    ['a file that is no zip', new TextEncoder().encode('<html>'), /api\.zip is no zip file/],
    ['a path out of its folder', zipOf('x', '../../etc/cron.d/x'), /lies outside its own folder/],
    ['300 MB unpacked', large(), /unpacks to 300 MB, and Lambda takes at most 250 MB/],
    [
      'another file than was built',
      CANARY,
      /has the SHA-256 .* and its manifest says A{43}=/,
      (zip) => ({ ...zip, sha256: `${'A'.repeat(43)}=` }),
    ],
  ];
  test.each(table)('%s', async (_what, zip, says, change = (named) => named) => {
    const stage = stageWith();
    const before = await stage.code();
    const named = await stage.clock.run(uploadZip(stage, `releases/${SERVICE}/r1/api.zip`, zip));
    const rollout = await played(stage, { zip, manifest: { targets: { api: { zip: change(named) } } } });
    expect(rollout.outcome).toBe('refused');
    expect(rollout.reason).toMatch(says);
    expect(await stage.code()).toBe(before);
    expect(types(stage)).toEqual(['RolloutDeclined']);
  });
});
