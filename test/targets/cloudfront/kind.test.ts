import { describe, expect, test } from 'vitest';
import { manifestFrom } from '../../../core/config/manifest.ts';
import { planFrom, rolloutFileFrom } from '../../../core/config/rollout-file.ts';
import { KINDS } from '../../../targets/kinds.ts';
import { thrownBy } from '../../core/config/files.ts';

const web = { site: 'web-shop-prod' };
const api = { lambda: 'checkout-prod-Api', alias: 'live' };
const file = (targets: object, more: object = {}) => ({
  ...{ service: 'checkout', targets, steps: [{ weight: 10, bake: '5m' }] },
  ...more,
});
const refused = (targets: object, more?: object) =>
  thrownBy(() => rolloutFileFrom(KINDS, file(targets, more))).message;
const steps = (...weights: number[]) => ({ steps: weights.map((weight) => ({ weight, bake: '5m' })) });

describe('a site in a rollout file', () => {
  test('is named by its store, and is visited by people', () => {
    expect(rolloutFileFrom(KINDS, file({ web })).targets).toEqual({ web: { ...web, source: 'http' } });
  });

  test.each([
    [{ site: 'a b' }, "write the name of the site's KeyValueStore"],
    [{ site: 'arn:aws:cloudfront::1:key-value-store/2' }, 'and no ARN'],
    [{ ...web, source: 'sqs' }, 'its source is `http`; remove this line'],
    [{ ...web, alias: 'live' }, 'targets.web.alias'],
  ])('is refused as %j', (spec, says) => {
    expect(refused({ web: spec })).toContain(says);
  });

  test('has no answers with a status, but beside a function that has', () => {
    const watch = { watch: { http5xx: '2x' } };
    expect(refused({ web }, watch)).toContain('watch.http5xx');
    expect(() => rolloutFileFrom(KINDS, file({ web, api }, watch))).not.toThrow();
  });

  test('is there once', () => {
    expect(refused({ web, shop: web })).toContain('`web` has the same site');
  });

  test.each([[0.01], [0.29], [0.57, 1.15, 99]])('takes weights down to 0.01: %j', (...weights) => {
    const { plan } = planFrom(rolloutFileFrom(KINDS, file({ web }, steps(...weights))));
    expect(plan.steps.map(({ weight }) => weight)).toEqual(weights);
  });

  test.each([
    [{ web }, 0.001, 'steps[0].weight is 0.001: a weight is a whole percent'],
    [{ web }, 0.015, 'steps[0].weight is 0.015: a weight is a whole percent'],
    [
      { web, api },
      0.5,
      'steps[0].weight is 0.5: a weight is a whole percent from 1 to 99, since `api` takes no parts',
    ],
    [{ api }, 1.5, 'since `api` takes no parts of one'],
  ])('%j has no weight %d', (targets, weight, says) => {
    expect(refused(targets, steps(weight))).toContain(says);
  });
});

describe('a manifest with a site', () => {
  const read = (targets: object) =>
    manifestFrom(
      KINDS,
      new TextEncoder().encode(
        JSON.stringify({
          ...{ schema: 1, service: 'checkout', environment: 'production', release: 'r1', order: 1 },
          ...{ targets, rollout: file({ web, api }) },
        }),
      ),
      { service: 'checkout', release: 'r1' },
      'production',
    );
  const site = { prefix: '_releases/r1/' };

  test('offers each target what its kind takes', () => {
    expect(read({ web: { site }, api: { version: '2' } }).targets).toEqual({
      web: { site },
      api: { version: '2' },
    });
  });

  test.each([
    [{ web: { version: '2' }, api: { version: '2' } }, 'this target is a site, which takes `site`'],
    [{ web: { site }, api: { site } }, 'this target is a lambda, which takes `version`, `zip` or `image`'],
    [{ api: { version: '2' } }, 'the rollout file has this target; write its `site`.'],
    [{ web: { site: { prefix: 'dist/' } }, api: { version: '2' } }, "in the site's bucket"],
  ])('%j is refused', (targets, says) => {
    expect(thrownBy(() => read(targets)).message).toContain(says);
  });
});
