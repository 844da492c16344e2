import { describe, expect, test } from 'vitest';
import { SPILLWAY } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { outlineOf } from '../../core/rollout/outline.ts';
import { viewOf } from '../../core/rollout/view.ts';
import { targetOf } from '../contract/rollouts.ts';
import {
  closed,
  inVerify,
  measured,
  onFirstStep,
  paused,
  ROLLOUT_ID,
  stateAfter,
} from '../core/rollout/given.ts';
import { fakeClient, reads, spillway } from './called.ts';

const outline = (events: RolloutEvent[]) => outlineOf(stateAfter(events));

const reading = (events: RolloutEvent[]) => fakeClient({ read: reads(events) });

describe('status', () => {
  test('says that nothing is under way', async () => {
    expect(await spillway(fakeClient().client, 'status', '--local')).toEqual({
      code: 0,
      out: 'nothing is under way',
      err: '',
    });
  });

  test('says of each rollout under way where its traffic is, and whether it is paused', async () => {
    const going = await spillway(reading(onFirstStep()).client, 'status', '--local');
    expect(going.out).toMatch(new RegExp(`^${ROLLOUT_ID}: api at 10 %;`));
    const { out } = await spillway(reading([...onFirstStep(), paused(2)]).client, 'status', '--local');
    expect(out).toMatch(/api at 10 %, paused;/);
  });

  test('says of a pause for want of evidence what is missing now, and that it goes on by itself', async () => {
    const history = [
      ...onFirstStep(),
      paused(2, { by: SPILLWAY, why: 'inconclusive', reason: 'too few requests: 12 of 400' }),
    ];
    const at = async (events: RolloutEvent[]) =>
      (await spillway(reading(events).client, 'status', '--local')).out;
    expect(await at([...history, measured('inconclusive', [1, 3])])).toBe(
      `${ROLLOUT_ID}: api at 10 %, paused; too few requests: 12 of 400; now: it is inconclusive; it resumes by itself once a whole bake passes`,
    );
    expect(await at([...history, measured('broken', [1, 3])])).toBe(
      `${ROLLOUT_ID}: api at 10 %, paused; too few requests: 12 of 400`,
    );
    expect(await at([...onFirstStep(), paused(2), measured('inconclusive', [1, 3])])).toMatch(
      /paused; lunch$/,
    );
  });

  test('says which release waits, and for what', async () => {
    const running = outline(onFirstStep());
    const waiting = { release: 'r9', attempt: 1, order: 9, manifest: {} };
    const read = async (what: string) => (what === 'running' ? [running] : { waiting });
    const { out } = await spillway(fakeClient({ read }).client, 'status', '--local');
    expect(out.split('\n')).toEqual([
      expect.stringContaining(`${ROLLOUT_ID}: api at 10 %`),
      `checkout-api--r9--1 waits for ${ROLLOUT_ID} to end`,
    ]);
  });

  test('of a release that waits says so, and exits 0', async () => {
    const read = async () => ({ waitsFor: [ROLLOUT_ID] });
    const { client } = fakeClient({ read });
    expect(await spillway(client, 'status', 'checkout-api--r9--1', '--local')).toEqual({
      code: 0,
      out: `checkout-api--r9--1 waits for ${ROLLOUT_ID} to end`,
      err: '',
    });
  });

  test('of one rollout tells events that come in several pages', async () => {
    const events = [...inVerify(), closed(12, 'completed')];
    const whole = reads(events);
    const { client } = fakeClient({
      read: async (what, more) => {
        const { after = 0 } = more;
        return what === 'events'
          ? {
              version: events.length,
              events: events.slice(after, after + 2),
              isMore: after + 2 < events.length,
            }
          : whole(what, more);
      },
    });
    const inOne = await spillway(reading(events).client, 'status', ROLLOUT_ID, '--local');
    expect(await spillway(client, 'status', ROLLOUT_ID, '--local')).toEqual(inOne);
    expect(inOne.out.split('\n').length).toBeGreaterThan(5);
  });

  test('of one rollout tells its events in order and how it ended', async () => {
    const { client, asked } = reading([...inVerify(), closed(12, 'completed')]);
    const { code, out } = await spillway(client, 'status', ROLLOUT_ID, '--local');
    expect(code).toBe(0);
    expect(asked).toEqual([
      { what: 'read', with: ['rollout', { rolloutId: ROLLOUT_ID }] },
      { what: 'read', with: ['events', { rolloutId: ROLLOUT_ID, after: 0 }] },
    ]);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d rollout checkout-api--r8--1 opened/);
    expect(lines.findIndex((line) => line.includes('raised to 10 %'))).toBeLessThan(
      lines.findIndex((line) => line.includes('promoted')),
    );
    expect(lines.at(-1)).toContain('completed');
    expect(lines.filter((line) => line.includes('completed:'))).toHaveLength(1);
  });

  test('of a release that was rolled back says what serves now', async () => {
    const events = [...inVerify(), closed(12, 'completed')];
    const now = {
      completed: {
        ...{ release: 'r7', order: 7, rolloutId: 'checkout-api--r7--2' },
        targets: [{ ...targetOf('api'), version: '7' }],
      },
    };
    const { client } = fakeClient({ read: reads(events, now) });
    const { out } = await spillway(client, 'status', ROLLOUT_ID, '--local');
    expect(out.split('\n').at(-1)).toMatch(/version 7 serves now \(checkout-api--r7--2\)$/);
    expect(out.split('\n').at(-1)).not.toContain('version 8 serves');
  });

  test('tells counts alone, and the statistics under each verdict with --verbose', async () => {
    const counts = { canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 90 }, windows: 2, evidence: 1 };
    const said = { target: 'api', metric: 'errors', status: 'pass', reason: '', ...counts } as const;
    const look = measured('pass', [1, 3]);
    const { client } = reading([
      ...onFirstStep(),
      { ...look, verdict: { ...look.verdict, findings: [said] } },
    ]);
    const [brief, verbose] = [
      await spillway(client, 'status', ROLLOUT_ID, '--local'),
      await spillway(client, 'status', ROLLOUT_ID, '--verbose', '--local'),
    ];
    expect(brief.out).not.toContain('evidence');
    expect(verbose.out).toContain('\n  api errors: evidence 2.7; 2 windows of this step');
  });

  test('--json prints the view and the journal, and nothing else', async () => {
    const events = [...inVerify(), closed(12, 'completed')];
    const { out } = await spillway(reading(events).client, 'status', ROLLOUT_ID, '--json', '--local');
    const rollout = viewOf(stateAfter(events));
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify({ rollout, events })));
  });

  test.each([
    [['status', 'a--b--1', '--local'], 'There is no rollout a--b--1 here; "status" lists those under way.'],
    [['status', 'a--b--1', '--json', '--local'], ''],
  ])('of a rollout that nobody knows exits 1: %s', async (args, err) => {
    expect(await spillway(fakeClient().client, ...args)).toMatchObject({ code: 1, err });
  });
});
