import * as cloudfront from './cloudfront/rights.ts';
import * as lambdaAlias from './lambda-alias/rights.ts';

/** What may be done to targets of each kind, by purpose. */
export const TARGET_RIGHTS = { ...lambdaAlias.rights, ...cloudfront.rights };

const GRANTED: Record<string, (keyof typeof TARGET_RIGHTS)[]>[] = [lambdaAlias.grants, cloudfront.grants];

/** What a function of the controller, or a service that acts for it, may do to targets. */
export const targetGrants = (name: string): (keyof typeof TARGET_RIGHTS)[] => [
  ...new Set(GRANTED.flatMap((grants) => grants[name] ?? [])),
];
