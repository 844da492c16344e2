import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import type { TrafficRouter } from '../../core/ports.ts';
import { SEQ_MAX, tokenText } from '../../core/rollout/fencing-token.ts';
import { type Case, caseOf } from '../../simulation/case.ts';
import { check } from '../../simulation/checkers/checkers.ts';
import { FAULT_NAMES } from '../../simulation/faults.ts';
import type { Guest, Hosts } from '../../simulation/guest.ts';
import { playCase } from '../../simulation/play.ts';
import type { Scenario } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_RELEASE, siteGuest } from '../../simulation/site.ts';
import { times } from '../deep.ts';
import { MINUTE, type Plot, play } from './stage.ts';

const WORLDS = times(30, 150);
const KEY = `aws:111122223333:global:cloudfront/${SITE}`;

/** The site of a world, and the stage that it stands on. */
function seen(
  hosts: Hosts,
  changed: (router: TrafficRouter, stage: () => Scenario) => Partial<TrafficRouter>,
): Guest {
  const guest = siteGuest(hosts);
  let stage: Scenario | undefined;
  const standing = () => {
    if (stage === undefined) throw new Error('There is no stage yet.');
    return stage;
  };
  return {
    ...guest,
    furnish(made) {
      stage = made;
      guest.furnish?.(made);
    },
    ports: (ours: Ports) => ({
      ...ours,
      router: (kind) =>
        kind === 'cloudfront'
          ? { ...ours.router(kind), ...changed(ours.router(kind), standing) }
          : ours.router(kind),
    }),
  };
}

describe('a site beside functions', () => {
  test('keeps every promise, under all faults', async () => {
    const met = { promoted: 0, blamed: 0, completed: 0, reverted: 0 };
    for (let seed = 0; seed < WORLDS; seed++) {
      const { run, violations } = await playCase(caseOf(seed, FAULT_NAMES), siteGuest);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      const writes = run.timeline.filter((entry) => entry.kind === 'write' && entry.key === KEY);
      if (writes.some((entry) => entry.kind === 'write' && entry.after?.primary === '2')) met.promoted += 1;
      for (const { outcome, reason = '' } of run.heads) {
        if (outcome === 'completed' || outcome === 'reverted') met[outcome] += 1;
        if (outcome === 'reverted' && /^web |: web /.test(reason)) met.blamed += 1;
      }
    }
    for (const count of Object.values(met)) expect(count).toBeGreaterThan(1);
  });

  /** A world whose site fails its visitors, and in which no function can revert. */
  const stuck: Case = {
    ...{ seed: 3, requestsPerSecond: 50, stableErrors: 0.001, targets: 1, isFed: false },
    ...{ release: { kind: 'bad', as: 'errors', share: 0.3 }, file: {}, commands: [], faults: [], noise: 0 },
    troubles: [{ fault: 'revertBroken', when: { ms: 0 }, seconds: 4 * 3600, how: 0.5 }],
  };

  test('is reverted by its own arm of the state machine if no function can, and all else that stands there is kept', async () => {
    let end: Scenario | undefined;
    const { run, violations } = await playCase(stuck, (hosts) => {
      const guest = siteGuest(hosts);
      return {
        ...guest,
        furnish(stage) {
          end = stage;
          guest.furnish?.(stage);
        },
      };
    });
    const last = run.timeline.flatMap((entry) =>
      entry.kind === 'write' && entry.key === KEY && entry.before.weights['2'] !== undefined ? [entry] : [],
    );
    expect(last.at(-1)?.after).toEqual({ primary: '1', weights: {} });
    expect(last.at(-1)?.by).toMatchObject({ seq: SEQ_MAX, open: false });
    expect(violations).toEqual([]);
    const value = JSON.parse(end?.kvs.helpers.value(SITE, 'spillway') ?? '{}');
    expect(value).toMatchObject({ s: '1', d: ['/sw.js'], k: 'k'.repeat(32) });
    for (const gone of ['c', 'w', 't', 'g']) expect(value).not.toHaveProperty(gone);
    expect(end?.kvs.helpers.value(SITE, 'routes')).toBe('[]');
  });

  const bad: Case = { ...stuck, troubles: [] };
  /** What is found in a world whose router has a fault. */
  const trippedBy = async (
    ...planted: Parameters<typeof seen> extends [unknown, ...infer Rest] ? Rest : never
  ) => {
    const { violations } = await playCase(bad, (hosts) => seen(hosts, ...planted));
    return violations.map(({ promise }) => promise);
  };

  test('whose revert does nothing trips a checker', async () => {
    const revert: TrafficRouter['revert'] = async ({ name }) => ({
      ...{ name, primary: '1', changed: false, drifted: false },
    });
    expect(await trippedBy(() => ({ revert }))).toContain('endsAtZeroOrHundred');
  });

  test('whose raises rest on nothing that was read trip a checker', async () => {
    const found = await trippedBy((_, stage) => ({
      async raise({ stable, canary }, { weight, write }) {
        const routing = weight === 100 ? { s: canary } : { s: stable, c: canary, w: 100 * weight };
        stage().kvs.helpers.put(SITE, { spillway: JSON.stringify({ ...routing, f: tokenText(write) }) });
        return { result: 'raised' };
      },
    }));
    expect(found).toContain('everyRaiseConditional');
  });
});

describe('a site by itself', () => {
  const WEB = 'https://web-shop.example';
  /** A release of a site that fails this share of its visitors, who are few at first. */
  const alone = (share: number, more: Partial<Plot> = {}): Plot => ({
    requestsPerSecond: 0,
    rollout: {
      targets: { web: SITE_RELEASE.spec },
      steps: [
        { weight: 0.5, bake: '3m' },
        { weight: 20, bake: '3m' },
      ],
      smoke: [{ get: '/', expect: { status: 200 } }],
      verify: '3m',
    },
    release: { manifest: { targets: { web: SITE_RELEASE.artifact } } },
    before: (stage) =>
      addSite(stage, {
        ...{ seed: share === 0 ? 1 : 3, requestsPerSecond: 500, stableErrors: 0.001 },
        release: share === 0 ? { kind: 'good' } : { kind: 'bad', as: 'errors', share },
      }),
    web: { [new URL(WEB).host]: () => new Response('fine', { headers: { 'x-amz-meta-release': '2' } }) },
    ...more,
  });

  test('goes out in parts of a percent, tried before anybody sees it, and completes proven', async () => {
    const { rollout, run } = await play(alone(0));
    expect(rollout).toMatchObject({ outcome: 'completed', reason: expect.stringMatching(/^proven/) });
    expect(rollout?.opening.notices.join()).not.toContain('http5xx');
    const weights = run.timeline.flatMap((entry) =>
      entry.kind === 'write' && entry.key === KEY ? [entry.after?.weights['2'] ?? entry.after?.primary] : [],
    );
    expect(weights).toEqual(['1', 0.5, 20, expect.any(Number), '2', '2']);
    expect(check(run)).toEqual([]);
  });

  test('is reverted for what its visitors report', async () => {
    const { rollout, run } = await play(alone(0.3));
    expect(rollout).toMatchObject({ outcome: 'reverted', reason: expect.stringMatching(/errors: canary/) });
    expect(check(run)).toEqual([]);
  });

  /** The site as the edge leads a tester: `fails` says which requests of which release do. */
  const tried = (fails: (release: string) => boolean) => ({
    [new URL(WEB).host]: (request: Request) => {
      const [, release = ''] = /__Host-spillway-try=([^~]+)~/.exec(request.headers.get('cookie') ?? '') ?? [];
      return new Response('', {
        status: fails(release) ? 500 : 200,
        headers: { 'x-amz-meta-release': release },
      });
    },
  });
  const probed = (fails: (release: string) => boolean, more: Partial<Plot> = {}): Plot => ({
    ...alone(0),
    rollout: { ...alone(0).rollout, probe: { every: '2s' }, verify: '8m' },
    web: tried(fails),
    ...more,
  });

  test('is probed through the edge at every step, on both releases, for as long as the edge leads to both', async () => {
    const { rollout, run, events } = await play(probed(() => false));
    expect(rollout?.outcome).toBe('completed');
    const counted = events.flatMap((event) => (event.type === 'Measured' ? [event.probes?.web] : []));
    expect(counted.filter((counts) => (counts?.pairs ?? 0) > 0).length).toBeGreaterThan(5);
    expect(counted.every((counts) => (counts?.canary ?? 0) + (counts?.stable ?? 0) === 0)).toBe(true);
    expect(counted.at(-1)).toMatchObject({
      pairs: 0,
      skippedWhy: expect.stringContaining('leads nobody to 1'),
    });
    expect(check(run)).toEqual([]);
  });

  test('is reverted by its probes alone, before its few visitors have reported anything', async () => {
    let nth = 0;
    const failing = (release: string) => release === '2' && nth++ > 3;
    const { rollout, run } = await play(probed(failing));
    expect(rollout).toMatchObject({ outcome: 'reverted', reason: expect.stringMatching(/probes: canary/) });
    expect(check(run)).toEqual([]);
  });

  /** The store is away for some minutes, from so many after the upload on. */
  const without = (from: 'callers' | 'all', minutes: [after: number, long: number]): Partial<Plot> => ({
    hours: 6,
    async act({ clock, kvs }) {
      await clock.sleep(minutes[0] * MINUTE);
      kvs.helpers.away(from);
      await clock.sleep(minutes[1] * MINUTE);
      kvs.helpers.away('nobody');
    },
  });

  test.each([
    ['at once', [0, 4], 0, 'completed'],
    ['in its first step', [3, 3], 0, 'completed'],
    ['in its second step', [8, 3], 0, 'completed'],
    ['while a bad release is to leave', [4, 4], 0.3, 'reverted'],
  ] as const)('ends as it should if no call reaches its store %s', async (_when, minutes, share, outcome) => {
    const { rollout, run } = await play(alone(share, without('callers', [...minutes])));
    expect(rollout?.outcome).toBe(outcome);
    // What cannot be written while it is away is written a moment later.
    const away = (minutes[1] + 3) * MINUTE;
    expect(check(run, { tickMs: away, outMs: away })).toEqual([]);
  });

  test('leads everybody to stable while the edge cannot read its store either, and no checker is tripped', async () => {
    const { run, stage } = await play(alone(0, without('all', [8, 2])));
    expect(stage.kvs.helpers.value(SITE, 'spillway')).toMatch(/"s":"[12]"/);
    expect(check(run)).toEqual([]);
  });

  test('is not raised if the edge answers with another release', async () => {
    const web = {
      [new URL(WEB).host]: () => new Response('fine', { headers: { 'x-amz-meta-release': '1' } }),
    };
    const { rollout, run } = await play(alone(0, { web, hours: 30 }));
    expect(rollout?.outcome).toBe('refused');
    const raised = run.timeline.filter((entry) => entry.kind === 'write' && entry.after?.weights['2']);
    expect(raised).toEqual([]);
  });
});
