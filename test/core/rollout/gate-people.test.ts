import { expect, test } from 'vitest';
import type { Actor } from '../../../core/rollout/actor.ts';
import type { Gate } from '../../../core/rollout/event.ts';
import { missingAt } from '../../../core/rollout/gate.ts';

const GATE: Gate = { before: 50, approvers: 9, by: [], timeoutSeconds: 60, onTimeout: 'revert' };
const peopleIn = (approvedBy: Actor[]) => 9 - missingAt(GATE, { until: 0, approvedBy });

const who = (via: Actor['via'], id: string, person?: string): Actor => ({
  id,
  via,
  isVerified: true,
  ...(person === undefined ? {} : { person }),
});
const USER = 'arn:aws:iam::111122223333:user';
const ROLE = 'arn:aws:sts::111122223333:assumed-role';

test.each<[string, Actor[], number]>([
  ['nobody', [], 0],
  ['one', [who('oidc', 'oidc:7')], 1],
  ['two of one provider', [who('oidc', 'oidc:7'), who('oidc', 'oidc:8')], 2],
  ['two of Slack', [who('slack', 'slack:T1/U1'), who('slack', 'slack:T1/U2')], 2],
  ['one who came two ways, as far as anybody knows', [who('oidc', 'oidc:7'), who('slack', 'slack:T1/U1')], 1],
  [
    'two who are named, by different ways',
    [who('oidc', 'oidc:7', 'ada'), who('slack', 'slack:T1/U1', 'bob')],
    2,
  ],
  ['one who is named, by two ways', [who('oidc', 'oidc:7', 'ada'), who('slack', 'slack:T1/U1', 'ada')], 1],
  [
    'one who is named and one who is not, by different ways',
    [who('oidc', 'oidc:7', 'ada'), who('slack', 'slack:T1/U1')],
    1,
  ],
  [
    'one who is named and one who is not, by the same way',
    [who('oidc', 'oidc:7', 'ada'), who('oidc', 'oidc:8')],
    2,
  ],
  ['two users of IAM', [who('iam', `${USER}/ada`), who('iam', `${USER}/team/bob`)], 2],
  ['two roles, which one person may assume', [who('iam', `${ROLE}/Lead`), who('iam', `${ROLE}/Admin`)], 1],
  ['a user and a role', [who('iam', `${USER}/ada`), who('iam', `${ROLE}/Lead`)], 1],
  [
    'two users and a role',
    [who('iam', `${USER}/ada`), who('iam', `${USER}/bob`), who('iam', `${ROLE}/Lead`)],
    2,
  ],
  ['a user and a session of the same name', [who('iam', `${USER}/ada`), who('iam', `${ROLE}/Lead/ada`)], 1],
  [
    'a user who is named, and a session of the same name that is not',
    [who('iam', `${USER}/ada`, 'ada'), who('iam', `${ROLE}/Dev/ada`)],
    1,
  ],
  [
    'a role that is named, and a user who is not',
    [who('iam', `${ROLE}/Lead`, 'ada'), who('iam', `${USER}/bob`)],
    1,
  ],
  [
    'the root of the account and a user',
    [who('iam', 'arn:aws:iam::111122223333:root'), who('iam', `${USER}/ada`)],
    1,
  ],
  ['two who are named, by roles', [who('iam', `${ROLE}/Lead`, 'ada'), who('iam', `${ROLE}/Ops`, 'bob')], 2],
  [
    'two sessions whose names are believed',
    [who('iam', `${ROLE}/Lead/ada`), who('iam', `${ROLE}/Lead/bob`)],
    2,
  ],
])('%s: so many people have surely approved', (_, approvedBy, people) => {
  expect(peopleIn(approvedBy)).toBe(people);
  expect(peopleIn(approvedBy.toReversed())).toBe(people);
});

test('names of events from before there were actors count each', () => {
  expect(peopleIn(['ada', 'bob'] as never)).toBe(2);
});
