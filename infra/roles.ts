import { type Holder, LENT, lentStatementsOf, type Statement, trustOf } from './grants.ts';
import type { Place } from './place.ts';

/**
 * A role with its rights, which only its service may take. The policy is a resource of its own: whoever needs the role
 * depends on both, or would meet a role that may nothing yet.
 */
export function roleFor(
  name: string,
  service: string,
  statements: Statement[],
  place: Place,
  roleName?: string,
) {
  const role = new aws.iam.Role(`${name}Role`, {
    ...(roleName === undefined ? {} : { name: roleName }),
    assumeRolePolicy: JSON.stringify(trustOf(service, place)),
  });
  const policy = new aws.iam.RolePolicy(`${name}Rights`, {
    role: role.name,
    policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
  });
  return { role, policy };
}

/** The role that the controller lends to a service. */
export function lentRole(name: string, holder: Holder, place: Place, roleName?: string) {
  return roleFor(name, LENT[holder].to, lentStatementsOf(holder, place), place, roleName);
}
