import { describe, expect, test } from 'vitest';
import { accessFrom } from '../../../core/people/settings.ts';

const OIDC = { issuer: 'https://id.example', clientId: 'spillway' };
const SLACK = { teams: ['T024BE7LD'], appId: 'A024BE7LD' };
const ADA = 'arn:aws:iam::111122223333:user/team/ada';
const LEAD = 'arn:aws:sts::111122223333:assumed-role/Lead';

const WHOLE = {
  groups: { leads: ['ada', 'oidc-group:Platform leads'], ops: ['leads', LEAD] },
  people: {
    ada: [ADA, `${LEAD}/ada@shop.example`, 'mail:Ada@shop.example', 'oidc:42', 'slack:T024BE7LD/U1'],
  },
  roles: {
    '*': { operator: ['ops'] },
    'checkout-api': { approver: ['leads'], viewer: ['mail:auditor@shop.example'] },
  },
  believedSessions: ['111122223333/Lead'],
  oidc: { ...OIDC, groupsClaim: 'cognito:groups' },
  slack: SLACK,
  notify: {
    '*': [
      { slack: '#deploys', only: 'important' },
      { slack: 'C024BE7LD', links: 'none' },
    ],
    'checkout-api': [
      { sns: 'arn:aws:sns:eu-west-1:111122223333:deploys', only: 'pages' },
      { webhook: 'https://hooks.example/rollouts?team=shop' },
    ],
  },
  links: {
    '*': { commit: 'https://git.example/shop/commit/{commit}', author: 'https://git.example/{author}' },
    'checkout-api': {},
  },
};

test('access that is whole is taken as it is, and of an empty one the defaults', () => {
  expect(accessFrom(WHOLE)).toEqual({ value: WHOLE });
  expect(accessFrom({})).toEqual({ value: { groups: {}, people: {}, believedSessions: [], notify: {} } });
  const { value } = accessFrom({ oidc: OIDC, roles: {} });
  expect(value?.oidc?.groupsClaim).toBe('groups');
});

describe('access is refused with the field and the fix', () => {
  test.each<[string, object, string]>([
    [
      'a key that is none',
      { group: {} },
      'group is not a known key: did you mean `groups`? Known here: groups, people,',
    ],
    [
      'a role that is none',
      { roles: { '*': { admin: [] } } },
      'roles["*"].admin is not a known key: known here are viewer, operator, approver.',
    ],
    [
      'a service that is none',
      { roles: { Checkout: {} } },
      'roles.Checkout is {}: put it under the name of a service, or "*" for all of them.',
    ],
    [
      'a list that is none',
      { groups: { leads: 'ada' } },
      'groups.leads is "ada": write a list of at most 200 names.',
    ],
    [
      'a link that leads nowhere of its own',
      { links: { '*': { commit: 'https://git.example/shop' } } },
      'links["*"].commit is "https://git.example/shop": write an address that begins with https:// and has {commit} in it.',
    ],
    [
      'a link that runs code',
      { links: { '*': { author: 'javascript:alert({author})' } } },
      'write an address that begins with https://',
    ],
    [
      'a group that nobody named',
      { roles: { '*': { operator: ['opps'] } }, groups: { ops: [] } },
      'roles["*"].operator[0] is "opps": there is no such group or person: did you mean `ops`?',
    ],
    [
      'a group in a service without any',
      { roles: { '*': { operator: ['ops'] } } },
      'there is no such group or person: none is named.',
    ],
    [
      'a name that could be an identity',
      { groups: { 'mail:ada@x.example': [] } },
      'groups["mail:ada@x.example"] is []: put it under a name of letters',
    ],
    [
      'one name for two things',
      { groups: { ada: [] }, people: { ada: [] } },
      'people.ada is []: call the person or the group otherwise.',
    ],
    [
      'one identity for two people',
      { people: { ada: [ADA], eve: [ADA] } },
      `people.eve[0] is "${ADA}": name it once: it proves one person.`,
    ],
    [
      'a person of a person',
      { people: { ada: ['eve'], eve: [] } },
      'people.ada[0] is "eve": write an identity, such as mail:',
    ],
    [
      'a person by a group',
      { people: { ada: ['oidc-group:x'] }, oidc: OIDC, roles: {} },
      'everybody in a group proves the group.',
    ],
    [
      'the ARN of a role',
      { groups: { a: ['arn:aws:iam::111122223333:role/ops/Lead'] } },
      'write the role as its sessions are called, arn:aws:sts::111122223333:assumed-role/Lead.',
    ],
    [
      'a session that anybody can name',
      { groups: { a: [`${LEAD}/ada`] } },
      'name the role alone, or put "111122223333/Lead" into believedSessions',
    ],
    ['a pattern', { groups: { a: ['arn:aws:sts::111122223333:assumed-role/*'] } }, 'write an identity'],
    [
      'mail without a provider',
      { groups: { a: ['mail:ada@x.example'] } },
      'it takes a provider that proves it; set access.oidc.',
    ],
    [
      'another workspace',
      { groups: { a: ['slack:T9/U1'] }, slack: SLACK, roles: {} },
      'put the workspace T9 into access.slack.teams.',
    ],
    ['people without roles', { slack: SLACK }, 'roles is missing: say who may do what'],
    [
      'a provider without TLS',
      { oidc: { ...OIDC, issuer: 'http://id.example' }, roles: {} },
      'oidc.issuer is "http://id.example": write the address of the provider',
    ],
    [
      'a claim that is not of groups',
      { oidc: { ...OIDC, groupsClaim: 'sub' }, roles: {} },
      'write the name of the claim that lists groups',
    ],
    [
      'no workspace',
      { slack: { ...SLACK, teams: [] }, roles: {} },
      'name the workspace whose people may give commands.',
    ],
    [
      'a role that is no role',
      { believedSessions: ['Lead'] },
      'believedSessions[0] is "Lead": write the account and the role, as 111122223333/Lead.',
    ],
    [
      'nowhere to report to',
      { notify: { '*': [{ only: 'pages' }] } },
      'notify["*"][0] is {"only":"pages"}: says nowhere to report to; name one of slack, sns, webhook.',
    ],
    [
      'two places in one',
      { notify: { '*': [{ slack: '#a', webhook: 'https://x.example' }] } },
      '`slack` is set here too; keep one of the two.',
    ],
    [
      'a FIFO topic',
      { notify: { '*': [{ sns: 'arn:aws:sns:eu-west-1:111122223333:a.fifo' }] } },
      'write the ARN of a topic that is not FIFO.',
    ],
    [
      'a password in an address',
      { notify: { '*': [{ webhook: 'https://a:b@x.example' }] } },
      'is "https://…@x.example": write the address of whatever takes the webhook',
    ],
    [
      'an importance that is none',
      { notify: { '*': [{ slack: '#a', only: 'page' }] } },
      'did you mean `pages`?',
    ],
    [
      'links that do more than any may',
      { notify: { '*': [{ slack: '#a', links: 'pause' }] } },
      'is "pause": ',
    ],
    [
      'too much',
      { groups: { a: Array.from({ length: 201 }, () => 'a') } },
      'write a list of at most 200 names.',
    ],
    ['a text', 'all' as never, 'access is "all": write a map of groups'],
  ])('%s', (_, given, says) => {
    expect(accessFrom(given).lines?.join('\n')).toContain(says);
  });

  test('and all of them are said at once', () => {
    expect(accessFrom({ groups: { a: ['b', 'c'] } }).lines).toHaveLength(2);
  });
});
