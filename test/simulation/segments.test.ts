import { describe, expect, test } from 'vitest';
import type { TrafficRouter } from '../../core/ports.ts';
import { tokenText } from '../../core/rollout/fencing-token.ts';
import { outlineText } from '../../core/rollout/outline.ts';
import { storyteller } from '../../core/rollout/view.ts';
import { addSite, SITE, SITE_RELEASE } from '../../simulation/site.ts';
import { times } from '../deep.ts';
import { broken, faults, type Plot, play, type Stage } from './stage.ts';

const WEB = 'web-shop.example';
const KEY = `aws:111122223333:global:cloudfront/${SITE}`;
const STEPS = [
  { segment: 'internal', weight: 50, bake: '4m' },
  { segment: 'nordic', weight: 10, bake: '3m' },
  { weight: 1, bake: '4m' },
  { segment: 'nordic', weight: 40, bake: '3m' },
  { weight: 45, bake: '3m' },
  { weight: 80, bake: '3m' },
];

type Group = 'internal' | 'nordic' | 'others';

interface Shares {
  /** Failures among visitors of a segment, or of none, with the release on trial. */
  canary?: Partial<Record<Group, number>>;
  /** The same with either release. */
  both?: Partial<Record<Group, number>>;
}

/** A site by itself, whose visitors are in two segments or in none. */
const plot = ({ canary = {}, both = {} }: Shares, more: Partial<Plot> = {}): Plot => ({
  requestsPerSecond: 0,
  rollout: {
    targets: { web: SITE_RELEASE.spec },
    segments: { internal: { cookie: 'team', is: ['staff'] }, nordic: { country: ['SE', 'NO'] } },
    steps: STEPS,
    verify: '3m',
  },
  release: { manifest: { targets: { web: SITE_RELEASE.artifact } } },
  before(stage: Stage) {
    const visitors = (group: Group, requestsPerSecond: number) => ({
      requestsPerSecond,
      errorRate: (release: string) => (release === '2' ? canary[group] : undefined) ?? 0.001,
      weather: { errors: () => both[group] ?? 0 },
    });
    const world = {
      ...stage,
      addSite: (spec: Parameters<Stage['addSite']>[0]) =>
        stage.addSite({ ...spec, ...visitors('others', 300) }),
    };
    addSite(
      world,
      { seed: 1, requestsPerSecond: 300, stableErrors: 0.001, release: { kind: 'good' } },
      { internal: visitors('internal', 20), nordic: visitors('nordic', 40) },
    );
  },
  web: { [WEB]: () => new Response('fine', { headers: { 'x-amz-meta-release': '2' } }) },
  ...more,
});

const standings = (run: Awaited<ReturnType<typeof play>>['run']) =>
  run.timeline.flatMap((entry) =>
    entry.kind === 'write' && entry.key === KEY && entry.after !== undefined
      ? [[entry.after.weights['2'] ?? entry.after.primary, entry.after.segments ?? {}]]
      : [],
  );

describe('a plan that raises segments first', () => {
  test('goes through them step by step, of which none ever loses its share, and completes proven', async () => {
    const { rollout, run, events } = await play(plot({}));
    expect(rollout).toMatchObject({ outcome: 'completed', reason: expect.stringMatching(/^proven/) });
    expect(standings(run)).toEqual([
      ['1', {}],
      [0.001, { internal: 50 }],
      [0.002, { internal: 50, nordic: 10 }],
      [1, { internal: 50, nordic: 10 }],
      [1.001, { internal: 50, nordic: 40 }],
      [45, { internal: 50 }],
      [80, {}],
      [expect.any(Number), {}],
      ['2', {}],
      ['2', {}],
    ]);
    expect(faults(run)).toEqual([]);
    const tell = storyteller();
    const told = events.map((event) => tell(event));
    expect(told.map(({ line }) => line)).toContain(
      'web raised to 50 % of segment internal; its verdicts rest on visitors of internal alone, on both versions',
    );
    expect(told.map(({ view }) => outlineText(view)).join('\n')).toContain('web at 10 % of segment nordic; ');
  });

  test('is judged by what happens in the segment of the step, before anybody else meets it', async () => {
    const { rollout, run, events } = await play(plot({ canary: { internal: 0.4 } }));
    expect(rollout).toMatchObject({ outcome: 'reverted', reason: expect.stringMatching(/errors: canary/) });
    expect(standings(run).map(([weight]) => weight)).toEqual(['1', 0.001, '1']);
    // Of 20 visitors a second half have the release, and nobody else is counted.
    const counts = events.flatMap((event) => (event.type === 'Measured' ? event.verdict.findings : []));
    const seen = counts.filter(({ metric }) => metric === 'errors').at(-1);
    expect(seen?.stable.total).toBeLessThan(2 * (seen?.canary.total ?? 0));
    expect(faults(run)).toEqual([]);
  });

  test('is found where everybody meets it, if it is good for the segments', async () => {
    const { rollout, run } = await play(plot({ canary: { others: 0.3 } }));
    expect(rollout).toMatchObject({ outcome: 'reverted', reason: expect.stringMatching(/errors: canary/) });
    expect(standings(run).map(([weight]) => weight)).toContain(1);
    expect(faults(run)).toEqual([]);
  });

  test('is not blamed for a segment whose visitors always fail more', async () => {
    for (let seed = 1; seed <= times(2, 12); seed++) {
      const worse = { both: { internal: 0.2, nordic: 0.05 } };
      const { rollout, run } = await play(plot(worse, { seed }));
      expect({ seed, outcome: rollout?.outcome }).toEqual({ seed, outcome: 'completed' });
      expect(faults(run)).toEqual([]);
    }
  });

  test('waits in a segment that nobody is in, since no visit is no proof', async () => {
    const nobody = plot({}, { hours: 2 });
    const { rollout, run } = await play({
      ...nobody,
      before: (stage) =>
        addSite(stage, { seed: 1, requestsPerSecond: 300, stableErrors: 0.001, release: { kind: 'good' } }),
    });
    expect(rollout?.pause).toBeDefined();
    expect(standings(run).map(([weight]) => weight)).toEqual(['1', 0.001]);
  });

  test('is refused if its edge or its reports cannot tell a segment', async () => {
    const { rollout } = await play(
      plot(
        {},
        {
          rollout: {
            ...plot({}).rollout,
            segments: { internal: { header: 'x-team', is: ['1'] }, nordic: { country: ['SE'] } },
          },
        },
      ),
    );
    expect(rollout?.outcome).toBe('refused');
    expect(rollout?.reason).toContain('"h:x-team"');
  });
});

test('a router that takes a segment its share trips a checker', async () => {
  const { run } = await play(
    plot(
      {},
      {
        hours: 2,
        changePorts(ports) {
          const router = ports.router('cloudfront');
          const raise: TrafficRouter['raise'] = async (target, asked) => {
            if (asked.weight !== 1) return router.raise(target, asked);
            const value = { s: '1', c: '2', w: 100, f: tokenText(asked.write) };
            stores?.put(SITE, { spillway: JSON.stringify(value) });
            return { result: 'raised' };
          };
          return {
            ...ports,
            router: (kind) => (kind === 'cloudfront' ? { ...router, raise } : ports.router(kind)),
          };
        },
        before(stage) {
          stores = stage.kvs.helpers;
          return plot({}).before?.(stage);
        },
      },
    ),
  );
  expect(broken(run)).toContain('segmentsOnlyRise');
});

let stores: Stage['kvs']['helpers'] | undefined;
