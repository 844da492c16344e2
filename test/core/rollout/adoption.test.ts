import { describe, expect, test } from 'vitest';
import { askedNow, driftNotices, foreignlyMoved } from '../../../core/rollout/adoption.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { Hook } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { closedAmong } from '../../../core/rollout/revert-plan.ts';
import { fold, type Rollout } from '../../../core/rollout/state.ts';
import { describe as storyOf } from '../../../core/rollout/story.ts';
import { deadlineOf } from '../../../core/rollout/timing.ts';
import { habitOf } from '../../../targets/lambda-alias/habit.ts';
import { BOTH, identity, resolved as looked, manifest, openedBy, refusal } from './found.ts';
import { minute, opened, stateAfter, target } from './given.ts';

const LOGICAL_ID = 'aws:cloudformation:logical-id';
const reason = 'api served version 8 before this release came';
const plan = { steps: [], verifySeconds: 0, onInconclusive: 'pause' as const };
const adoption = (stable = '7') =>
  opened({ targets: [target('api', { stable, canary: '8' })], plan, adopted: { reason } });
const served = target('api', { stable: '8', canary: '8' });
const resolved = (tags: Record<string, string> = {}) => looked({ target: served, habit: habitOf(tags) });
const completed = (version: string) => ({
  completed: { release: 'r7', order: 7, rolloutId: 'shop--r7--1', made: { api: { version } } },
});

describe('which tool a function looks like', () => {
  const GUIDE = '(docs/guides/coming-from.md)';
  const like = (tool: string, evidence: string, fix: string) =>
    `it looks like one of ${tool} (${evidence}): ${fix} ${GUIDE}`;
  test.each<[string, Record<string, string>, string]>([
    [
      'the tag of SAM',
      { 'lambda:createdBy': 'SAM', [LOGICAL_ID]: 'Api' },
      like(
        'AWS SAM',
        'lambda:createdBy=SAM',
        'remove AutoPublishAlias and DeploymentPreference from the function',
      ),
    ],
    [
      'the tag of SST',
      { 'sst:app': 'shop' },
      like('SST', 'sst:app=shop', 'let RolloutTarget create the alias instead of declaring one'),
    ],
    [
      'a logical id of the Serverless Framework',
      { [LOGICAL_ID]: 'ApiLambdaFunction', STAGE: 'prod' },
      like(
        'the Serverless Framework',
        `${LOGICAL_ID}=ApiLambdaFunction, STAGE=prod`,
        'remove deploymentSettings and the plugins that move aliases',
      ),
    ],
    [
      'a logical id of CDK',
      { [LOGICAL_ID]: 'Api5C2F0A1B', STAGE: 'prod' },
      like(
        'AWS CDK',
        `${LOGICAL_ID}=Api5C2F0A1B`,
        'give the Alias a fixed version instead of currentVersion, and remove LambdaDeploymentGroup',
      ),
    ],
    ...['Api', 'ApiLambdaFunction', 'Api5C2F0A1', '5C2F0A1BApi'].map(
      (id): [string, Record<string, string>, string] => [
        `any other logical id: ${id}`,
        { [LOGICAL_ID]: id },
        like(
          'CloudFormation',
          `${LOGICAL_ID}=${id}`,
          'give the AWS::Lambda::Alias a fixed FunctionVersion, and remove its UpdatePolicy',
        ),
      ],
    ),
    [
      'no tag of a tool, as Terraform leaves it',
      { 'spillway:service': 'shop', STAGE: 'prod' },
      `see who else writes it ${GUIDE}`,
    ],
  ])('%s', (_what, tags, advice) => {
    const who = 'it was not this controller that put it there, which left version 7';
    expect(foreignlyMoved([resolved(tags)], completed('7'))).toBe(
      `api served version 8 before this release came, and ${who}; ${advice}`,
    );
  });

  test('nothing is guessed without evidence', () => {
    expect(habitOf({})).toBeUndefined();
    expect(foreignlyMoved([resolved()], {})).toBe(
      'api served version 8 before this release came, and it was not this controller that put it there, which has completed no release of it yet; see who else writes it (docs/guides/coming-from.md)',
    );
  });

  test('each target that was moved is named', () => {
    const worker = looked({ target: target('worker', { stable: '4', canary: '4' }) });
    expect(foreignlyMoved([resolved(), worker], {}).match(/(?:^|; )\w+ served version \d/g)).toEqual([
      'api served version 8',
      '; worker served version 4',
    ]);
  });
});

test('an alias that serves what completed last, or of which nothing is known, is no drift', () => {
  expect(driftNotices([resolved()], completed('8'))).toEqual([]);
  expect(driftNotices([resolved()], {})).toEqual([]);
  expect(driftNotices([resolved()], completed('7'))).toHaveLength(1);
});

test('hooks are asked now, but for those that only hear of a revert', () => {
  const hook = (point: Hook['point']) => ({ point }) as Hook;
  expect(
    askedNow([hook('beforeTraffic'), hook('afterStep'), hook('onRevert')]).map(({ point }) => point),
  ).toEqual(['afterPromotion', 'afterPromotion', 'onRevert']);
});

describe('an adoption', () => {
  test('raises nothing, and closes unproven once nobody is left to be asked', () => {
    const rollout = stateAfter(adoption());
    expect(next(rollout, minute(0))).toEqual({ kind: 'close' });
    const events = decide(rollout, { type: 'Close' }, minute(1));
    expect(events).toMatchObject([{ outcome: 'completed', reason: `unproven: ${reason}` }]);
  });

  test('is told as one', () => {
    const event = adoption();
    expect(storyOf(event, stateAfter(event))).toContain(
      `opened: ${reason}; nothing is raised, and its smoke tests and hooks are asked now`,
    );
  });

  const leave = (rollout: Rollout) => decide(rollout, { type: 'Refuse', reason: 'it is bad' }, minute(1));

  test('is reverted if an earlier good version is known', () => {
    expect(leave(stateAfter(adoption()))).toMatchObject([{ type: 'RevertOrdered', outcome: 'reverted' }]);
  });

  test('is halted if none is, and a revert that changes nothing is not taken for a completion', () => {
    const event = adoption('8');
    const rollout = stateAfter(event);
    const left = leave(rollout);
    expect(left).toMatchObject([{ type: 'RevertOrdered', outcome: 'halted' }]);
    const found = { name: 'api', primary: '8', changed: false, drifted: false };
    expect(closedAmong(rollout.opening.targets, [found])).toEqual([]);
    const leaving = fold([event, ...left]) as Rollout;
    const command: Command = { type: 'RecordRevert', targets: [found], cause: 'canary', reason: 'bad' };
    expect(decide(leaving, command, minute(2)).at(-1)).toMatchObject({
      type: 'RolloutClosed',
      outcome: 'halted',
    });
  });
});

describe('the opening of an adoption', () => {
  const worker = target('worker', { stable: '3', canary: '3', source: 'invoke' });
  const smoke = [
    { target: 'api', get: '/health', expect: { status: 200 } },
    { target: 'worker', get: '/health', expect: { status: 200 } },
  ];
  const hooks = {
    beforeTraffic: [{ lambda: 'checkout-check', target: 'api', timeout: '5m', onBroken: 'pause' }],
    onRevert: [{ lambda: 'checkout-undo', target: 'worker', timeout: '5m', onBroken: 'ignore' }],
  };
  const workerIsOwn = { completed: { release: 'r7', order: 7, made: { worker: { version: '3' } } } };
  const nobodyAsked =
    'nothing can be asked about the version that serves already: the rollout file has neither smoke tests nor hooks';

  test('holds all that is known, judges nothing, and asks of what was moved alone', () => {
    const event = openedBy({
      manifest: manifest(
        { targets: BOTH, smoke, hooks, alarms: ['late', 'red'], watch: { errors: '2x' }, verify: '20m' },
        { commit: 'abc', author: 'ada', reversible: false },
      ),
      service: workerIsOwn,
      targets: [
        looked({ target: served, before: '6', config: 'config of 8', notices: ['a\u001b[31mb'] }),
        looked({ target: worker, digest: 'code of 3' }),
      ],
      alarms: [
        { name: 'late', state: 'insufficient', since: minute(-5) },
        { name: 'red', state: 'alarm', since: minute(-5) },
      ],
      running: 4,
    });
    expect(event.hooks.map(({ id, point, target }) => [id, point, target])).toEqual([
      ['smoke.1', 'afterPromotion', 'api'],
      ['beforeTraffic.1', 'afterPromotion', 'api'],
    ]);
    const plan = { steps: [], verifySeconds: 0, onInconclusive: 'pause' as const };
    expect(event).toStrictEqual({
      type: 'RolloutOpened',
      at: minute(0),
      ...identity,
      order: 8,
      commit: 'abc',
      author: 'ada',
      targets: [{ ...served, stable: '6' }],
      unchanged: [worker],
      digests: { api: 'code of 8', worker: 'code of 3' },
      made: {
        api: { version: '8', code: 'code of 8', config: 'config of 8' },
        worker: { version: '3', code: 'code of 3' },
      },
      plan,
      hooks: event.hooks,
      gates: [],
      watch: [],
      limits: [],
      adopted: {
        reason:
          'api served version 8 before this release came, and it was not this controller that put it there, which has completed no release of it yet; see who else writes it (docs/guides/coming-from.md)',
      },
      reversible: false,
      alarms: [
        { name: 'late', red: false, silent: true },
        { name: 'red', red: true },
      ],
      settleSeconds: 60,
      running: 4,
      deadline: deadlineOf(plan, 60, minute(0), { gates: [], hooks: event.hooks }),
      notices: [
        'ab',
        'alarm red was red before the rollout; it is not held against this release unless it recovers and goes red again',
      ],
    });
  });

  test('of all targets leaves none unchanged, and names that nothing can be asked', () => {
    const quarantined = Array.from({ length: 50 }, (_, nth) => ({
      ...{
        release: `old-${nth}`,
        rolloutId: `old-${nth}--1`,
        reason: 'bad',
        made: { api: { version: '1' } },
      },
    }));
    const event = openedBy({ targets: [looked({ target: served })], service: { quarantined } });
    expect(event).not.toHaveProperty('unchanged');
    expect(event).toMatchObject({ hooks: [], targets: [served], made: { api: { version: '8' } } });
    expect(event.notices).toEqual([
      nobodyAsked,
      expect.stringMatching(/^the quarantine of this service is full/),
    ]);
  });

  test('is refused to an artifact in quarantine', () => {
    const bad = { release: 'r4', rolloutId: 'r4--1', reason: 'bad', made: { api: { version: '8' } } };
    expect(refusal({ targets: [looked({ target: served })], service: { quarantined: [bad] } })).toContain(
      'release r8 has the same artifacts (api version 8) as release r4',
    );
  });

  test('beside a change says who put the version there, and from which version a check leads back', () => {
    const { adopted, notices } = openedBy({
      manifest: manifest({ targets: BOTH }),
      targets: [
        looked({ target: served, before: '6', habit: habitOf({ 'sst:app': 'shop' }) }),
        looked({ target: { ...worker, canary: '4' } }),
      ],
      service: workerIsOwn,
    });
    expect(adopted).toEqual({
      reason:
        'api served version 8 before this release came, and it was not this controller that put it there, which has completed no release of it yet; it looks like one of SST (sst:app=shop): let RolloutTarget create the alias instead of declaring one (docs/guides/coming-from.md)',
      beside: [{ ...served, stable: '6' }],
    });
    expect(notices).toEqual([]);
  });
});
