import * as z from 'zod/mini';
import { check, exactlyOne, list, problem, rule, strict, textLike } from '../config/check.ts';
import { serviceField } from '../config/names.ts';
import { oneOf } from '../config/nearest.ts';
import { type Problem, word } from '../config/plain.ts';
import { type Access, LINKS, ROLES } from './access.ts';

/** Most members of a list, and most entries of a map: all of it travels with the code of functions. */
const MOST = 200;

/** What groups and people may be called, so that no name is taken for an identity. */
const NAME = /^[A-Za-z][\w.-]{0,63}$/;

const members = list(
  z.string({ error: () => 'write a text.' }),
  MOST,
  () => `write a list of at most ${MOST} names.`,
);

/** A map whose keys are `keys`. */
function mapOf<const S extends z.ZodMiniType>(entry: S, isKey: (key: string) => boolean, keys: string) {
  const error = () => `write a map of at most ${MOST} entries, each under ${keys}.`;
  return z.record(z.string(), entry, { error }).check(
    rule((value) => {
      const names = Object.keys(Object(value));
      const wrong = names.filter((name) => !isKey(name));
      return [
        ...wrong.map((name) => ({ path: [name], message: `put it under ${keys}.` })),
        ...(names.length > MOST ? [{ path: [], message: error() }] : []),
      ];
    }),
  );
}

const isName = (key: string) => NAME.test(key);
const isService = (key: string) => key === '*' || serviceField.safeParse(key).success;
const NAMES = 'a name of letters, digits, dots, dashes and underscores that begins with a letter';
const SERVICES = 'the name of a service, or "*" for all of them';

const Role = z.optional(members);
const Roles = strict(
  Object.fromEntries(ROLES.map((role) => [role, Role])) as Record<(typeof ROLES)[number], typeof Role>,
);

const https = (address: unknown) =>
  typeof address === 'string' && URL.canParse(address) && new URL(address).protocol === 'https:';

/** An address of HTTPS that holds no password; `what` says whose. */
const address = (what: string) => {
  const error = () => `write the address of ${what}, beginning with https:// and without a password.`;
  const isOne = (given: string) =>
    https(given) && new URL(given).password === '' && new URL(given).hash === '';
  return z.string({ error }).check(z.refine(isOne, { error }));
};

const Oidc = strict({
  issuer: address('the provider, as it calls itself in "issuer"'),
  clientId: textLike(/^\S{1,255}$/, () => 'write the id that the provider gave to this environment.'),
  groupsClaim: z._default(
    textLike(
      /^(?!(?:aud|exp|iat|iss|jti|nonce|sub)$)\S{1,100}$/,
      () => 'write the name of the claim that lists groups, such as groups.',
    ),
    'groups',
  ),
});

const Slack = strict({
  teams: list(
    textLike(/^[TE][A-Z0-9]{2,}$/, () => 'write the id of a workspace, such as T024BE7LD.'),
    MOST,
    () => 'write a list of workspaces.',
  ).check(z.minLength(1, { error: () => 'name the workspace whose people may give commands.' })),
  appId: textLike(/^A[A-Z0-9]{2,}$/, () => 'write the id of the Slack app, such as A024BE7LD.'),
});

const ONLY = ['important', 'pages'] as const;
const SINKS = ['slack', 'sns', 'webhook'] as const;
const Route = strict({
  slack: z.optional(
    textLike(/^(?:#[^\s#]{1,80}|[CG][A-Z0-9]{2,})$/, () => 'write a channel, as #deploys or by its id.'),
  ),
  sns: z.optional(
    textLike(
      /^arn:aws[\w-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
      () => 'write the ARN of a topic that is not FIFO.',
    ),
  ),
  webhook: z.optional(address('whatever takes the webhook')),
  only: z.optional(z.enum(ONLY, { error: ({ input }) => oneOf(word(input), ONLY) })),
  links: z.optional(z.enum(LINKS, { error: ({ input }) => oneOf(word(input), LINKS) })),
}).check(
  rule((value) =>
    exactlyOne(value, SINKS, {
      path: [],
      message: `says nowhere to report to; name one of ${SINKS.join(', ')}.`,
    }),
  ),
);

/** An address with a place in it for what a release says. */
const template = (hole: string) => {
  const error = () => `write an address that begins with https:// and has {${hole}} in it.`;
  const isOne = (given: string) => https(given) && given.includes(`{${hole}}`);
  return z.string({ error }).check(z.refine(isOne, { error }));
};
const SourceLinks = strict({
  commit: z.optional(template('commit')),
  author: z.optional(template('author')),
});

const Shape = strict({
  groups: z._default(mapOf(members, isName, NAMES), {}),
  people: z._default(mapOf(members, isName, NAMES), {}),
  roles: z.optional(mapOf(Roles, isService, SERVICES)),
  believedSessions: z._default(
    list(
      textLike(/^\d{12}\/[\w+=,.@-]{1,64}$/, () => 'write the account and the role, as 111122223333/Lead.'),
      MOST,
      () => 'write a list of roles, each as 111122223333/Lead.',
    ),
    [],
  ),
  oidc: z.optional(Oidc),
  slack: z.optional(Slack),
  notify: z._default(
    mapOf(
      list(Route, MOST, () => 'write a list of places to report to.'),
      isService,
      SERVICES,
    ),
    {},
  ),
  links: z.optional(mapOf(SourceLinks, isService, SERVICES)),
});

const Anything = z.custom<Access>();

/** Who people are and what they may do, as a deployment says, or a line for each thing in that which could never hold. */
export function accessFrom(
  given: unknown,
): { value: Access; lines?: never } | { value?: never; lines: string[] } {
  const shaped = check(Shape, given, 'access');
  if (shaped.lines !== undefined) return shaped;
  const access = shaped.value as Access;
  return check(Anything, access, 'access', problemsOf(access));
}

/** What no form can say: names that nobody has, and identities that nobody could ever prove here. */
function problemsOf(access: Access): Problem[] {
  const { groups, people, roles, oidc, slack } = access;
  const lists = [
    ...listsOf('groups', groups),
    ...Object.entries(roles ?? {}).flatMap(([service, each]) => listsOf(['roles', service], each)),
  ];
  const known = [...Object.keys(groups), ...Object.keys(people)];
  const inLists = lists.filter(({ member }) => !known.includes(member));
  const inPeople = listsOf('people', people);
  const twice = inPeople.filter(({ member }, index) =>
    inPeople.slice(0, index).some((earlier) => earlier.member.toLowerCase() === member.toLowerCase()),
  );
  return [
    ...inLists.flatMap(({ path, member }) => faults(path, member, wrongWith(member, access, known))),
    ...inPeople.flatMap(({ path, member }) => faults(path, member, wrongWithOwn(member, access))),
    ...twice.map(({ path, member }) => problem(path, member, 'name it once: it proves one person.')),
    ...Object.keys(people)
      .filter((name) => Object.hasOwn(groups, name))
      .map((name) => problem(['people', name], people[name], 'call the person or the group otherwise.')),
    ...(roles === undefined && (oidc ?? slack) !== undefined
      ? [
          problem(
            ['roles'],
            roles,
            'say who may do what: without it whoever comes by OIDC or Slack may do nothing.',
          ),
        ]
      : []),
  ];
}

const faults = (path: PropertyKey[], member: string, wrong: string | undefined): Problem[] =>
  wrong === undefined ? [] : [problem(path, member, wrong)];

/** Every member of lists by what it is called, with its place. */
const listsOf = (at: string | string[], lists: Record<string, string[] | undefined>) =>
  Object.entries(lists).flatMap(([name, members = []]) =>
    members.map((member, index) => ({ path: [at, name, index].flat(), member })),
  );

const wrongWithOwn = (member: string, access: Access): string | undefined =>
  /^oidc-group:/.test(member)
    ? 'write what one person proves: everybody in a group proves the group.'
    : wrongWith(member, access, undefined);

/** What is wrong with a member of a list, in which groups and people may stand too if there are `known` ones. */
function wrongWith(member: string, access: Access, known: readonly string[] | undefined): string | undefined {
  if (NAME.test(member))
    return known === undefined
      ? 'write an identity, such as mail:ada@shop.example.'
      : `there is no such group or person: ${known.length === 0 ? 'none is named.' : oneOf(member, known)}`;
  if (/^arn:aws[\w-]*:iam::\d{12}:(?:root|user\/[\w+=,.@/-]+)$/.test(member)) return undefined;
  const [, account, name] = /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(member) ?? [];
  if (name !== undefined)
    return `write the role as its sessions are called, arn:aws:sts::${account}:assumed-role/${name}.`;
  const role = /^arn:aws[\w-]*:sts::(\d{12}):assumed-role\/([\w+=,.@-]+)(\/[\w+=,.@-]+)?$/.exec(member);
  if (role !== null) {
    const [, ofAccount, ofRole, session] = role;
    if (session === undefined || access.believedSessions.includes(`${ofAccount}/${ofRole}`)) return undefined;
    return `name the role alone, or put "${ofAccount}/${ofRole}" into believedSessions if whoever takes it cannot choose the name of the session.`;
  }
  if (/^(?:mail:[^\s@:]+@[^\s@]+|oidc:\S{1,255}|oidc-group:\S.{0,254})$/.test(member))
    return access.oidc === undefined ? 'it takes a provider that proves it; set access.oidc.' : undefined;
  const [, team] = /^slack:([TE][A-Z0-9]+)\/[UW][A-Z0-9]+$/.exec(member) ?? [];
  if (team === undefined)
    return 'write an identity, such as mail:ada@shop.example, or the name of a group or person.';
  return access.slack?.teams.includes(team)
    ? undefined
    : `put the workspace ${team} into access.slack.teams.`;
}
