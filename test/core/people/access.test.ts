import { describe, expect, test } from 'vitest';
import {
  type Access,
  assertMay,
  givenBy,
  groupsOf,
  iamPrincipal,
  NEEDS,
  oidcPrincipal,
  type Principal,
  ROLES,
  type Role,
  type Route,
  rolesOf,
  slackPrincipal,
} from '../../../core/people/access.ts';

const ISSUER = 'https://id.example';
const ROUTE: Route = { slack: '#deploys', only: 'important' };
const BARE: Access = { groups: {}, people: {}, believedSessions: [], notify: { '*': [ROUTE] } };
const SETTINGS: Access = {
  ...BARE,
  people: {
    ada: ['arn:aws:iam::1:user/ada', 'mail:Ada@shop.example', 'slack:T1/U1'],
    grace: ['arn:aws:sts::1:assumed-role/Lead/grace', 'oidc:42'],
  },
  groups: { leads: ['ada', 'oidc-group:leads'], ops: ['leads', 'arn:aws:sts::1:assumed-role/Ops'] },
  believedSessions: ['1/Lead'],
  oidc: { issuer: ISSUER, clientId: 'c', groupsClaim: 'groups' },
  slack: { teams: ['T1'], appId: 'A1' },
  roles: {
    '*': { operator: ['ops'] },
    checkout: { approver: ['leads'], viewer: ['mail:auditor@shop.example'] },
  },
};

const arn = (rest: string) => `arn:aws:sts::1:assumed-role/${rest}`;
const claims = (more: object = {}) => ({ iss: ISSUER, sub: '7', ...more });

describe('whoever signed with IAM', () => {
  test('is a user by the ARN, whatever its path', () => {
    expect(iamPrincipal('arn:aws:iam::1:user/team/a/joan', SETTINGS)).toEqual({
      actor: { id: 'arn:aws:iam::1:user/team/a/joan', name: 'joan', via: 'iam', isVerified: true },
      identities: ['arn:aws:iam::1:user/team/a/joan'],
    });
    expect(iamPrincipal('arn:aws:iam::1:user/ada', SETTINGS).actor).toMatchObject({
      name: 'ada',
      person: 'ada',
    });
    expect(iamPrincipal('arn:aws:iam::1:root', SETTINGS).actor.id).toBe('arn:aws:iam::1:root');
  });

  test('is a session by its name only if the settings believe those of its role, in this account', () => {
    expect(iamPrincipal(arn('Lead/grace'), SETTINGS)).toEqual({
      actor: { id: arn('Lead/grace'), name: 'grace', via: 'iam', isVerified: true, person: 'grace' },
      identities: [arn('Lead/grace'), arn('Lead')],
    });
    for (const other of [
      arn('Deploy/grace'),
      arn('Lead-evil/grace'),
      'arn:aws:sts::2:assumed-role/Lead/grace',
    ]) {
      const { actor, identities } = iamPrincipal(other, SETTINGS);
      expect(actor).toEqual({ id: other.replace('/grace', ''), via: 'iam', isVerified: true });
      expect(identities).toEqual([actor.id]);
    }
  });

  test('has two sessions of one role as one voice, unless their names are believed', () => {
    const [one, other] = ['a@x', 'b=c,d'].map((session) => iamPrincipal(arn(`Ops/${session}`), SETTINGS));
    expect(one?.actor).toEqual(other?.actor);
    // Neither uses up the calls of the other.
    expect([one, other].map((each) => each?.caller)).toEqual([arn('Ops/a@x'), arn('Ops/b=c,d')]);
  });

  test.each([
    '',
    'ada',
    'arn:aws:sts::1:federated-user/ada',
    'arn:aws:iam::1:role/Lead',
    'arn:aws:iam::1:user/',
  ])('is nobody as "%s": a name that its caller chose, or none', (given) => {
    expect(() => iamPrincipal(given, SETTINGS)).toThrow('neither a user of IAM nor a session of a role');
  });
});

describe('whoever signed in', () => {
  test('is known by subject and by the mail address that the provider has verified', () => {
    const who = oidcPrincipal(
      claims({ email: 'ADA@shop.example', email_verified: true, name: 'A' }),
      SETTINGS,
    );
    expect(who).toEqual({
      actor: { id: 'oidc:7', name: 'ada@shop.example', via: 'oidc', isVerified: true, person: 'ada' },
      identities: ['oidc:7', 'mail:ada@shop.example'],
    });
  });

  test.each([undefined, false, 'true', 1])('is not known by an address that is %s', (email_verified) => {
    const who = oidcPrincipal(claims({ email: 'ada@shop.example', email_verified, name: 'Ada' }), SETTINGS);
    expect(who).toEqual({
      actor: { id: 'oidc:7', name: 'Ada', via: 'oidc', isVerified: true },
      identities: ['oidc:7'],
    });
  });

  test('brings the groups that the settings name, and is no person by one of them', () => {
    const settings = { ...SETTINGS, people: { ...SETTINGS.people, leads: ['oidc-group:leads'] } };
    const who = oidcPrincipal(claims({ groups: ['leads', 'all', 7, 'oidc:42'] }), settings);
    expect(who.identities).toEqual(['oidc:7', 'oidc-group:leads']);
    expect(who.actor.person).toBeUndefined();
    expect(oidcPrincipal(claims({ groups: 'leads' }), SETTINGS).identities).toEqual(['oidc:7']);
  });

  test.each([
    [{ iss: 'https://other.example' }, SETTINGS],
    [{ iss: `${ISSUER}/` }, SETTINGS],
    [{ sub: '' }, SETTINGS],
    [{ sub: undefined }, SETTINGS],
    [{}, BARE],
  ])('is nobody with %j', (more, settings) => {
    expect(() => oidcPrincipal(claims(more), settings)).toThrow('not one of the provider');
  });
});

test('whoever presses a button is the user of a workspace that the settings name', () => {
  expect(slackPrincipal({ teamId: 'T1', userId: 'U1', name: 'ada.l' }, SETTINGS)).toEqual({
    actor: { id: 'slack:T1/U1', name: 'ada.l', via: 'slack', isVerified: true, person: 'ada' },
    identities: ['slack:T1/U1'],
  });
  expect(() => slackPrincipal({ teamId: 'T2', userId: 'U1' }, SETTINGS)).toThrow('workspace T2');
  expect(() => slackPrincipal({ teamId: 'T1', userId: 'U1' }, BARE)).toThrow('workspace T1');
});

describe('roles', () => {
  const ada = slackPrincipal({ teamId: 'T1', userId: 'U1' }, SETTINGS);
  const ops = iamPrincipal(arn('Ops/x'), SETTINGS);
  const grace = iamPrincipal(arn('Lead/grace'), SETTINGS);
  const roles = (who: Principal, service: string, settings = SETTINGS): Role[] => [
    ...rolesOf(who, service, settings),
  ];

  test('come by identity, person and group, and by groups of groups', () => {
    expect(groupsOf(ada, SETTINGS)).toEqual(['leads', 'ops']);
    expect(roles(ada, 'checkout')).toEqual(['viewer', 'operator', 'approver']);
    expect(roles(ada, 'search')).toEqual(['viewer', 'operator']);
    expect(roles(ops, 'checkout')).toEqual(['viewer', 'operator']);
    expect(groupsOf(grace, SETTINGS)).toEqual([]);
    expect(roles(grace, 'checkout')).toEqual([]);
    const auditor = oidcPrincipal(claims({ email: 'auditor@shop.example', email_verified: true }), SETTINGS);
    expect(roles(auditor, 'checkout')).toEqual(['viewer']);
    expect(roles(auditor, 'search')).toEqual([]);
  });

  test('are found although groups lead round in a circle', () => {
    const settings = { ...SETTINGS, groups: { a: ['b'], b: ['c', 'ada'], c: ['a'] } };
    expect(groupsOf(ada, settings)).toEqual(['a', 'b', 'c']);
    expect(groupsOf(ops, settings)).toEqual([]);
  });

  test('are decided by IAM alone if the settings say nothing of them', () => {
    const { roles: _, ...settings } = SETTINGS;
    expect(roles(ops, 'checkout', settings)).toEqual([...ROLES]);
    expect(roles(ada, 'checkout', settings)).toEqual([]);
    const unproven = { ...ops, actor: { ...ops.actor, isVerified: false } };
    expect(roles(unproven, 'checkout', settings)).toEqual([]);
  });

  test.each(['__proto__', 'constructor', 'toString'])(
    'of a service called %s are those of all',
    (service) => {
      expect(roles(ada, service)).toEqual(['viewer', 'operator']);
    },
  );

  test('say who may do what', () => {
    for (const command of ['approve', 'reject'] as const) {
      expect(NEEDS[command]).toBe('approver');
      expect(() => assertMay(ada, { service: 'checkout', command }, SETTINGS)).not.toThrow();
      expect(() => assertMay(ops, { service: 'checkout', command }, SETTINGS)).toThrow(
        `may not ${command} rollouts of checkout: this needs the role approver`,
      );
    }
    expect(() => assertMay(ops, { service: 'checkout', command: 'abort' }, SETTINGS)).not.toThrow();
    expect(() => assertMay(grace, { service: 'checkout' }, SETTINGS)).toThrow('grace may not read');
  });
});

test('a command says everything that its giver is known as, but for groups of the provider', () => {
  const who = oidcPrincipal(
    claims({ email: 'ada@shop.example', email_verified: true, groups: ['leads'] }),
    SETTINGS,
  );
  expect(givenBy(who, SETTINGS)).toEqual({
    by: who.actor,
    groups: ['leads', 'ops'],
    aka: ['oidc:7', 'mail:ada@shop.example', 'arn:aws:iam::1:user/ada', 'slack:T1/U1'],
  });
});
