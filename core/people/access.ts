import { RolloutError } from '../errors.ts';
import { type Actor, nameOf } from '../rollout/actor.ts';
import type { CommandRequest } from '../rollout/command-request.ts';

/** What somebody may do with the rollouts of a service: read, give commands, or approve and reject. */
export const ROLES = ['viewer', 'operator', 'approver'] as const;
/** One of the roles. */
export type Role = (typeof ROLES)[number];

/** What the links in messages to a place may do, each also what is before it. Whoever reads a message has its links. */
export const LINKS = ['none', 'view', 'abort'] as const;

/** Where what happens to a service's rollouts is reported, and how much of it. */
export type Route = ({ slack: string } | { sns: string } | { webhook: string }) & {
  only?: 'important' | 'pages' | undefined;
  links?: (typeof LINKS)[number] | undefined;
};

/**
 * Who people are and what they may do, as the settings of the deployment say. An identity is the ARN of an IAM user, of a role
 * (`arn:aws:sts::1:assumed-role/Lead`) or of a session whose name is believed, `mail:ada@x.example`, `oidc:<sub>`, `oidc-group:leads`
 * or `slack:T1/U1`. Lists of groups and roles name identities, people and groups.
 */
export interface Access {
  groups: Record<string, string[]>;
  /** The identities of each person. */
  people: Record<string, string[]>;
  /** By service, or `*` for all of them. If it is absent, IAM decides who may do what, and nobody else may do anything. */
  roles?: Record<string, { [R in Role]?: string[] | undefined }> | undefined;
  /** Roles that only give a session the name of the person who uses it, as `<account>/<RoleName>`. */
  believedSessions: string[];
  oidc?: { issuer: string; clientId: string; groupsClaim: string } | undefined;
  slack?: { teams: string[]; appId: string } | undefined;
  /** By service, or `*`. */
  notify: Record<string, Route[]>;
  /** Where the code of a service is, by service or `*`: addresses in which `{commit}` and `{author}` stand for those of a release. */
  links?: Record<string, { commit?: string | undefined; author?: string | undefined }> | undefined;
}

/** As settings without a word of people: IAM decides, and nobody else may do anything. */
export const NO_ACCESS: Access = { groups: {}, people: {}, believedSessions: [], notify: {} };

/** Somebody whose identity was proven. */
export interface Principal {
  actor: Actor;
  /** Everything that it is proven to be, the narrowest first. */
  identities: string[];
  /** What its calls are counted by, if that is narrower than the actor: nobody's calls are to use up another one's. */
  caller?: string | undefined;
}

/** What each command takes. Whoever may read has the role `viewer`. */
export const NEEDS: Record<CommandRequest['command'], Role> = {
  pause: 'operator',
  resume: 'operator',
  promote: 'operator',
  approve: 'approver',
  reject: 'approver',
  answer: 'operator',
  abort: 'operator',
  rollback: 'operator',
  retry: 'operator',
  acknowledge: 'operator',
};

/** Part of an IAM ARN, of any partition: `arn:aws:sts::1:assumed-role/Lead/ada@x.example`. Names of sessions have neither `/` nor `:`. */
const SESSION = /^(arn:[^:]+:sts::(\d+):assumed-role\/([^/:]+))\/([^/:]+)$/;
const USER = /^arn:[^:]+:iam::\d+:user\/(?:[^:]*\/)?([^/:]+)$/;
const ROOT = /^arn:[^:]+:iam::\d+:root$/;

/** Whoever signed a request with the credentials of IAM. Sessions of a role whose names nobody vouches for are one voice: that of the role. @throws RolloutError NotAllowed for anything but a user, a role's session or the root of an account: a federated user's name is its caller's choice */
export function iamPrincipal(userArn: string, access: Access): Principal {
  const [, role = '', account = '', roleName = '', session = ''] = SESSION.exec(userArn) ?? [];
  if (role === '') {
    const [, user] = USER.exec(userArn) ?? [];
    if (user === undefined && !ROOT.test(userArn))
      throw notAllowed('The call names neither a user of IAM nor a session of a role.');
    return principal({ id: userArn, name: user, via: 'iam', isVerified: true }, [userArn], access);
  }
  return access.believedSessions.includes(`${account}/${roleName}`)
    ? principal({ id: userArn, name: session, via: 'iam', isVerified: true }, [userArn, role], access)
    : {
        ...principal({ id: role, name: undefined, via: 'iam', isVerified: true }, [role], access),
        caller: userArn,
      };
}

/** Whoever signed in at the deployment's provider. A mail address counts if the provider has verified it, and a group if the settings name it. @throws RolloutError NotAllowed for claims of another provider */
export function oidcPrincipal(claims: Record<string, unknown>, access: Access): Principal {
  const { iss, sub, name, email, email_verified: isMailVerified } = claims;
  if (access.oidc === undefined || iss !== access.oidc.issuer || typeof sub !== 'string' || sub === '')
    throw notAllowed('This sign-in is not one of the provider that this environment trusts.');
  const mail = isMailVerified === true && typeof email === 'string' ? email.toLowerCase() : undefined;
  const groups = Object.hasOwn(claims, access.oidc.groupsClaim) ? claims[access.oidc.groupsClaim] : [];
  const named = new Set(namedIn(access));
  const identities = [
    `oidc:${sub}`,
    ...(mail === undefined ? [] : [`mail:${mail}`]),
    ...(Array.isArray(groups) ? groups : [])
      .map((group) => `oidc-group:${group}`)
      .filter((id) => named.has(id)),
  ];
  const shown = mail ?? (typeof name === 'string' && name !== '' ? name : undefined);
  return principal({ id: `oidc:${sub}`, name: shown, via: 'oidc', isVerified: true }, identities, access);
}

/** Whoever Slack says has pressed a button. @throws RolloutError NotAllowed for a workspace that the settings do not name */
export function slackPrincipal(
  { teamId, userId, name }: { teamId: string; userId: string; name?: string | undefined },
  access: Access,
): Principal {
  if (access.slack?.teams.includes(teamId) !== true)
    throw notAllowed(`The Slack workspace ${teamId} may not give commands here.`);
  const id = `slack:${teamId}/${userId}`;
  return principal({ id, name, via: 'slack', isVerified: true }, [id], access);
}

/** The groups of the settings that somebody is in, also by way of another group. */
export function groupsOf(who: Principal, access: Access): string[] {
  const known = new Set(namesOf(who));
  const groups = Object.entries(access.groups).map(([group, members]) => ({
    group,
    members: members.map(asWritten),
  }));
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { group, members } of groups) if (members.some((each) => known.has(each))) known.add(group);
  }
  return groups.flatMap(({ group }) => (known.has(group) ? [group] : []));
}

/** What somebody may do with the rollouts of a service; `viewer` comes with every other role. */
export function rolesOf(who: Principal, service: string, access: Access): ReadonlySet<Role> {
  const { actor } = who;
  if (access.roles === undefined) return new Set(actor.via === 'iam' && actor.isVerified ? ROLES : []);
  const known = new Set([...namesOf(who), ...groupsOf(who, access)]);
  const { roles } = access;
  const lists = ['*', service].flatMap((key) => (Object.hasOwn(roles, key) ? [roles[key] ?? {}] : []));
  const given = ROLES.filter((role) =>
    lists.some((list) => list[role]?.some((each) => known.has(asWritten(each)))),
  );
  return new Set(given.length === 0 ? [] : ['viewer', ...given]);
}

/** @throws RolloutError NotAllowed if somebody may not give this command, or read (without a command) */
export function assertMay(
  who: Principal,
  { service, command }: { service: string; command?: CommandRequest['command'] | undefined },
  access: Access,
): void {
  const needed = command === undefined ? 'viewer' : NEEDS[command];
  if (rolesOf(who, service, access).has(needed)) return;
  throw notAllowed(
    `${nameOf(who.actor)} may not ${command ?? 'read'} rollouts of ${service}: this needs the role ${needed}, given in access.roles of this environment.`,
  );
}

/** What a command says of the principal who gives it. */
export function givenBy(who: Principal, access: Access): Pick<CommandRequest, 'by' | 'groups' | 'aka'> {
  const { actor, identities } = who;
  const own = actor.person === undefined ? [] : (access.people[actor.person] ?? []);
  const aka = [...identities, ...own.map(asWritten)].filter((id) => !id.startsWith(GROUP));
  return { by: actor, groups: groupsOf(who, access), aka: [...new Set(aka)] };
}

/** The prefix of groups as the provider names them: they say what somebody belongs to, never who it is. */
const GROUP = 'oidc-group:';

/** An identity as it is compared: mail addresses know no capitals. */
const asWritten = (id: string): string => (id.startsWith('mail:') ? id.toLowerCase() : id);

/** Everything that the lists of groups and roles name. */
export const namedIn = ({ groups, roles = {} }: Access): string[] =>
  [...Object.values(groups), ...Object.values(roles).flatMap((each) => Object.values(each))].flatMap(
    (members = []) => members,
  );

/** The names under which lists may have somebody. */
const namesOf = ({ actor, identities }: Principal): string[] =>
  actor.person === undefined ? identities : [...identities, actor.person];

function principal({ name, ...actor }: Actor, identities: string[], { people }: Access): Principal {
  const person = identities
    .filter((id) => !id.startsWith(GROUP))
    .flatMap((id) => Object.entries(people).filter(([, own]) => own.map(asWritten).includes(id)))[0]?.[0];
  return {
    actor: { ...actor, ...(name === undefined ? {} : { name }), ...(person === undefined ? {} : { person }) },
    identities,
  };
}

function notAllowed(message: string): RolloutError {
  return new RolloutError('NotAllowed', message);
}
