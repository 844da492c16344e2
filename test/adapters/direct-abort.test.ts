import { expect, test } from 'vitest';
import { revertFrozen } from '../../adapters/direct-abort.ts';
import { RolloutError } from '../../core/errors.ts';
import type { TrafficRouter, Watchdog } from '../../core/ports.ts';
import { KINDS } from '../../targets/kinds.ts';
import { targetOf } from '../contract/rollouts.ts';

test('a target of a kind that nobody knows here is named, and keeps no other one from being reverted', async () => {
  const targets = [{ ...targetOf('site'), kind: 'unheard-of' }, targetOf('api')];
  const frozen = async () => ({
    targets,
    rolloutId: 'a--b--1',
    epoch: 1,
    closed: '',
    deadline: 0,
    armedAt: 0,
  });
  const reverted: string[] = [];
  const router = (kind: string): TrafficRouter => {
    if (kind !== 'lambda-alias') throw new RolloutError('TargetInvalid', `There is no kind "${kind}".`);
    const revert: TrafficRouter['revert'] = async ({ name }) => {
      reverted.push(name);
      return { name, primary: '1', changed: true, drifted: false };
    };
    return { revert } as TrafficRouter;
  };
  await expect(
    revertFrozen('a--b--1', 'ada', { frozen } as unknown as Watchdog, KINDS, router),
  ).rejects.toMatchObject({
    code: 'RevertFailed',
    message: expect.stringMatching(/site: .*There is no kind "unheard-of"\.; api: version 1 serves/),
  });
  expect(reverted).toEqual(['api']);
});

test('if nobody knows the targets, the error says how each kind is reverted by hand', async () => {
  const frozen = async () => undefined;
  const refused = revertFrozen('a--b--1', 'ada', { frozen } as unknown as Watchdog, KINDS, () => {
    throw new Error('no target is known');
  });
  await expect(refused).rejects.toMatchObject({
    code: 'RolloutUnknown',
    message: expect.stringMatching(
      /take the weight off by hand: aws lambda update-alias --function-name NAME --name ALIAS --routing-config AdditionalVersionWeights=\{\}, or aws cloudfront-keyvaluestore put-key .*\.$/,
    ),
  });
});
