import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_BUCKET, SITE_RELEASE } from '../../simulation/site.ts';
import { MINUTE, type Played, type Plot, play, type Stage } from './stage.ts';

/** Calls of the function by visitors, every two seconds. */
const EACH = 60;
const SITE_KEY = `aws:111122223333:global:cloudfront/${SITE}`;
const ALIAS_KEY = `aws:111122223333:eu-west-1:lambda-alias/${FUNCTION}/${ALIAS}`;

/** A site whose distribution calls the function, by the alias that the release of a visitor's page has. */
function plot(more: Plot & { fails?: (version: string) => number } = {}): Plot {
  const { fails = () => 0.001, ...others } = more;
  return {
    ...{ beside: { web: SITE_RELEASE }, requestsPerSecond: 0, hours: 1 },
    rollout: {
      targets: { api: { lambda: FUNCTION, alias: ALIAS, behind: 'web' }, web: { site: SITE } },
      steps: [{ weight: 50, bake: '3m' }],
      verify: '3m',
      watch: { errors: '1.5x' },
    },
    before(stage) {
      addSite(stage, { seed: 1, release: { kind: 'good' }, requestsPerSecond: 30, stableErrors: 0.001 });
      const owner = { service: SERVICE, bucket: SITE_BUCKET, url: 'https://web-shop.example', layout: 'dir' };
      stage.kvs.helpers.put(SITE, { 'spillway-site': JSON.stringify({ ...owner, api: '/api' }) });
      stage.lambda.helpers.publishCounted(FUNCTION);
      stage.lambda.helpers.createAlias(FUNCTION, 'candidate', '2');
      calls(stage, fails).catch((error) => mixed.push(String(error)));
    },
    release: { version: '2' },
    ...others,
  };
}

/** Visitors whose page and function were of two releases, by when and which. */
let mixed: string[] = [];

/** What the edge does with calls of the function: those of the release under way go to the alias `candidate`. */
async function calls(stage: Stage, fails: (version: string) => number): Promise<void> {
  mixed = [];
  const end = stage.clock.now() + 60 * MINUTE;
  for (let nth = 0; stage.clock.now() < end; nth++) {
    const { s = '1', c, w = 0 } = JSON.parse(stage.kvs.helpers.atEdge(SITE, 'spillway') ?? '{}');
    const led = c === undefined ? 0 : Math.round((EACH * w) / 10_000);
    const minute = Math.floor(stage.clock.now() / MINUTE) * MINUTE;
    for (const [alias, page, count] of [
      ['candidate', c, led],
      [ALIAS, s, EACH - led],
    ] as const) {
      const { primary: version, weights } = stage.lambda.helpers.routing(FUNCTION, alias);
      if (count > 0 && (version !== page || Object.keys(weights).length > 0))
        mixed.push(`${stage.clock.now()}: page ${page}, function ${version} ${JSON.stringify(weights)}`);
      // Counts are whole: what is left of a share comes every few times.
      const share = count * fails(version);
      const errors = Math.floor((nth + 1) * share) - Math.floor(nth * share);
      const of = { functionName: FUNCTION, alias, version, minute };
      if (count > 0) stage.cloudwatch.invocations({ ...of, count, errors, faults: errors });
    }
    await stage.clock.sleep(2_000);
  }
}

const storedIn = ({ stage }: Played) => JSON.parse(stage.kvs.helpers.value(SITE, 'spillway') ?? '{}');

/** Writes that changed who serves, of the site and of the alias, in their order. */
const moves = ({ run }: Played) =>
  run.timeline.flatMap((entry) =>
    entry.kind === 'write' &&
    [SITE_KEY, ALIAS_KEY].includes(entry.key) &&
    entry.before.primary !== entry.after?.primary
      ? [{ of: entry.key === SITE_KEY ? 'web' : 'api', to: entry.after?.primary, at: entry.at }]
      : [],
  );

describe('a site and the function behind it', () => {
  test('move as one: the alias follows once all visitors have left the version before', async () => {
    const played = await play(plot());
    expect(played.rollout?.reason).toMatch(/^(?:un)?proven/);
    expect(played.rollout?.outcome).toBe('completed');
    const found = moves(played).filter(({ to }) => to === '2');
    expect(found.map(({ of }) => of)).toEqual(['web', 'api']);
    const [web, api] = found;
    expect((api?.at ?? 0) - (web?.at ?? 0)).toBeGreaterThanOrEqual(10_000);
    expect(played.stage.alias()).toEqual({ primary: '2', weights: {} });
    expect(mixed).toEqual([]);
    expect(storedIn(played)).toMatchObject({ s: '2', a: '/api' });
    expect(storedIn(played)).not.toHaveProperty('c');
  });

  test('are judged by both: calls that fail lead visitors back', async () => {
    const played = await play(plot({ fails: (version) => (version === '2' ? 0.3 : 0.001) }));
    expect(played.rollout).toMatchObject({
      outcome: 'reverted',
      reason: expect.stringContaining('api errors'),
    });
    expect(moves(played)).toEqual([]);
    expect(mixed).toEqual([]);
    expect(storedIn(played)).toMatchObject({ s: '1' });
  });

  test.each<[string, (stage: Stage) => Promise<void>]>([
    ['the first raise', (stage) => stage.saw('Shifted')],
    ['both raises', (stage) => stage.saw('Shifted', 2)],
    ['the promotion of the site', (stage) => stage.saw('Promoted')],
    ['both promotions', (stage) => stage.saw('Promoted', 2)],
  ])('go back together after %s', async (_, until) => {
    const played = await play(
      plot({
        async act(stage) {
          await until(stage);
          await stage.order('abort');
        },
      }),
    );
    expect(played.rollout?.outcome).toBe('reverted');
    expect(played.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(storedIn(played)).toMatchObject({ s: '1' });
    expect(storedIn(played)).not.toHaveProperty('c');
  });

  test('go apart if the site stays as it is: then the alias has weights of its own', async () => {
    const played = await play(
      plot({
        beside: { web: { ...SITE_RELEASE, artifact: { site: { prefix: '_releases/1/' } } } },
        hours: 0.1,
      }),
    );
    expect(played.rollout?.opening.notices.join('\n')).toContain(
      'api: web stays on 1 in this release, so alias live of checkout-prod-Api moves by its own weights',
    );
    expect(played.rollout?.opening.targets).toMatchObject([{ name: 'api', traits: { isSticky: false } }]);
  });
});
