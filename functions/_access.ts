import type { Access } from '../core/people/access.ts';
import { accessFrom } from '../core/people/settings.ts';
import stages from '../infra/stages.json' with { type: 'json' };
import { aws } from './_aws.ts';

/** Who people are and what they may do, by the settings that were deployed with this code: they may be more than the variables of a function hold. */
export function deployedAccess(): Access {
  const given: Record<string, { access?: unknown }> = stages;
  const { value, lines } = accessFrom(given[aws.setting('ENVIRONMENT')]?.access ?? {});
  if (lines === undefined) return value;
  throw new Error(`The deployment let settings pass that it must refuse: ${lines.join('; ')}`);
}
