import { describe, expect, test } from 'vitest';
import { askedNow, driftNotices, foreignlyMoved, habitOf } from '../../../core/rollout/adoption.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { Hook } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { closedAmong } from '../../../core/rollout/revert-plan.ts';
import { fold, type Rollout } from '../../../core/rollout/state.ts';
import { describe as storyOf } from '../../../core/rollout/story.ts';
import { minute, opened, stateAfter, target } from './given.ts';

const LOGICAL_ID = 'aws:cloudformation:logical-id';
const reason = 'api served version 8 before this release came';
const plan = { steps: [], verifySeconds: 0, onInconclusive: 'pause' as const };
const adoption = (stable = '7') =>
  opened({ targets: [target('api', { stable, canary: '8' })], plan, adopted: { reason } });
const resolved = (tags: Record<string, string> = {}) => ({
  target: target('api', { stable: '8', canary: '8' }),
  timeoutSeconds: 3,
  notices: [],
  tags,
});
const completed = (version: string) => ({
  completed: { release: 'r7', order: 7, rolloutId: 'shop--r7--1', made: { api: { version } } },
});

describe('which tool a function looks like', () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['the tag of SAM', { 'lambda:createdBy': 'SAM', [LOGICAL_ID]: 'Api' }, 'AWS SAM'],
    ['the tag of SST', { 'sst:app': 'shop' }, 'SST'],
    [
      'a logical id of the Serverless Framework',
      { [LOGICAL_ID]: 'ApiLambdaFunction', STAGE: 'prod' },
      'the Serverless Framework',
    ],
    ['a logical id of CDK', { [LOGICAL_ID]: 'Api5C2F0A1B' }, 'AWS CDK'],
    ['any other logical id', { [LOGICAL_ID]: 'Api' }, 'CloudFormation'],
    ['no tag of a tool, as Terraform leaves it', { 'spillway:service': 'shop', STAGE: 'prod' }, undefined],
  ])('%s', (_what, tags, tool) => {
    expect(habitOf(tags)?.tool).toBe(tool);
    expect(habitOf(tags)?.evidence.split('=')[0]).toBe(tool === undefined ? undefined : Object.keys(tags)[0]);
  });

  test('nothing is guessed without evidence', () => {
    expect(habitOf(undefined)).toBeUndefined();
    expect(foreignlyMoved([resolved()], {})).toBe(
      'api served version 8 before this release came, and it was not this controller that put it there, which has completed no release of it yet; see who else writes this alias (docs/guides/coming-from.md)',
    );
  });

  test('what completed here last is named', () => {
    expect(foreignlyMoved([resolved()], completed('7'))).toContain('which left version 7;');
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
