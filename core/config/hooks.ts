import * as z from 'zod/mini';
import { isStepless } from '../plan/strategies.ts';
import { HOOK_POINTS, type Hook, type HookPoint } from '../rollout/event.ts';
import { exactlyOne, type Fault, list, rule, type Says, strict, textLike } from './check.ts';
import { acceptedSeconds, DAY, duration } from './duration.ts';
import { functionField } from './function-name.ts';
import { oneOf } from './nearest.ts';
import { own, word } from './plain.ts';
import { askedFaults } from './targets.ts';

/** Most hooks at one point: they are asked one after the other while the release waits. */
const HOOKS_MAX = 10;
const ON_BROKEN = ['revert', 'pause', 'ignore'] as const;
const EXAMPLE = '`{ lambda: my-check }` or `{ http: https://host/path }`';

/**
 * A URL whose host every reader of URLs understands alike: labels of letters, digits and hyphens, the last of which
 * begins with a letter, so that no spelling of a numeric address gets through.
 */
const URL_TEXT =
  /^(?=.{1,2048}$)https:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?::443)?(?:\/[!"$-[\]-~]*)?$/;
const NUMERIC = /^(?:\[.*|(?:.*\.)?(?:\d+|0x[0-9a-f]*))$/i;

const urlSays: Says = ({ input }) => {
  const [, authority] = /^https:\/\/([^/?#\\]*)/.exec(word(input)) ?? [];
  if (authority === undefined) return 'only https is possible; write it like `https://host/path`.';
  if (authority.includes('@'))
    return 'a URL is written down in many places; take name and password out of it, every question is signed.';
  if (NUMERIC.test(authority.replace(/:\d*$/, '')))
    return 'a numeric address names no host; write the name of a host that the controller allows.';
  if (/:\d*$/.test(authority) && !authority.endsWith(':443'))
    return 'only port 443 is possible; leave the port out.';
  return 'write it like `https://host/path`: the full name of a host, and no spaces, `\\` or `#`, at most 2048 characters in all.';
};

const brokenSays: Says = ({ input }) => oneOf(word(input), ON_BROKEN);

const hook = strict({
  lambda: z.optional(functionField),
  http: z.optional(textLike(URL_TEXT, urlSays)),
  target: z.optional(z.string({ error: () => 'write the name of one of the targets.' })),
  timeout: z._default(duration(1, DAY), '30s'),
  onBroken: z._default(z.enum(ON_BROKEN, { error: brokenSays }), 'revert'),
}).check(
  rule((value) =>
    exactlyOne(value, ['lambda', 'http'], {
      path: [],
      message: `write exactly one of \`lambda\` and \`http\`, like ${EXAMPLE}.`,
    }),
  ),
  z.meta({ oneOf: ['lambda', 'http'].map((name) => ({ required: [name] })) }),
);

const listSays = () => `write a list of at most ${HOOKS_MAX} hooks, each like ${EXAMPLE}.`;
const point = z.optional(list(hook, HOOKS_MAX, listSays));

/** What CodeDeploy, SAM, CDK, the Serverless plugin, Flagger and Argo call their points. */
const SYNONYMS: Record<string, string> = {
  ...synonyms('beforeTraffic', 'beforeAllowTraffic', 'preTraffic', 'preTrafficHook', 'preHook', 'preRollout'),
  ...synonyms('beforeTraffic', 'beforeInstall', 'afterInstall', 'afterAllowTestTraffic', 'confirmRollout'),
  ...synonyms('afterStep', 'rollout', 'analysis'),
  ...synonyms('beforePromotion', 'prePromotionAnalysis', 'prePromotion', 'confirmPromotion'),
  ...synonyms(
    'afterPromotion',
    'afterAllowTraffic',
    'postTraffic',
    'postTrafficHook',
    'postHook',
    'postRollout',
  ),
  ...synonyms('afterPromotion', 'postPromotionAnalysis', 'postPromotion'),
  ...synonyms('onRevert', 'rollback', 'onRollback', 'afterRollback', 'onAbort'),
};

function synonyms(point: HookPoint, ...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name.toLowerCase(), point]));
}

/** Other code that is asked whether the rollout may go on, by the point at which it is asked. */
export const hooksField = strict(
  {
    beforeTraffic: point,
    beforeStep: point,
    afterStep: point,
    beforePromotion: point,
    afterPromotion: point,
    onRevert: point,
  } satisfies Record<HookPoint, z.ZodMiniType>,
  {},
  SYNONYMS,
).check(
  z.describe(
    'Other code that is asked, by the point at which it is asked; each point takes a list of the same form.',
  ),
);

/** The hooks of an accepted file, in the order of their points; `only` is the target of those that name none. */
export function writtenHooksFrom(written: z.output<typeof hooksField>, only: string): Hook[] {
  return HOOK_POINTS.flatMap((point) =>
    (written[point] ?? []).map(({ lambda, http, target, timeout, onBroken }, index) => ({
      id: `${point}.${index + 1}`,
      point,
      ...(lambda === undefined
        ? { kind: 'http', spec: { url: http ?? '' } }
        : { kind: 'lambda', spec: { functionName: lambda } }),
      target: target ?? only,
      timeoutSeconds: acceptedSeconds(timeout),
      onBroken,
    })),
  );
}

/** Finds each hook that does not say which of several targets it is about, and each that would never be asked. */
export function hookFaults(file: unknown): Fault[] {
  return HOOK_POINTS.flatMap((point) => {
    const hooks: unknown = own(own(file, 'hooks'), point);
    if (!Array.isArray(hooks) || hooks.length === 0) return [];
    const faults = hooks.flatMap((item, index) =>
      askedFaults(own(file, 'targets'), ['hooks', point, index], item),
    );
    if (!['beforeStep', 'afterStep'].includes(point) || !isStepless(file)) return faults;
    const message = 'this strategy has no steps, so it would never be asked; use `beforePromotion` instead.';
    return [...faults, { path: ['hooks', point], message }];
  });
}
