import { describe, expect, test } from 'vitest';
import type { Finding, VerdictStatus } from '../../core/analysis/types.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { outlineOf } from '../../core/rollout/outline.ts';
import {
  closed,
  measured,
  onFirstStep,
  onSecondStep,
  ROLLOUT_ID,
  reverted,
  stateAfter,
} from '../core/rollout/given.ts';
import { fakeClient, reads, spillway } from './called.ts';

const finding = (metric: Finding['metric'], status: VerdictStatus, bad: number, total: number): Finding => ({
  ...{ target: 'api', metric, status, windows: 3, evidence: status === 'fail' ? 9 : 0.1, reason: 'counts' },
  canary: { bad, total },
  stable: { bad: 15, total: 12_760 },
});

/** A measuring in which errors are so many, and nothing else speaks. */
function tick(status: VerdictStatus, to: number, bad: number): RolloutEvent {
  const event = measured(status, [1, to]);
  const total = 400 * to;
  return {
    ...event,
    verdict: {
      ...event.verdict,
      ...{ reason: `api: ${bad} of ${total} failed`, evidence: status === 'fail' ? 5 : 1, limit: 4.6 },
      findings: [finding('throttles', 'pass', 0, total), finding('errors', status, bad, total)],
    },
  };
}

const events = [
  ...onFirstStep(),
  tick('inconclusive', 2, 2),
  tick('inconclusive', 3, 20),
  tick('fail', 4, 43),
  reverted(5),
  closed(5),
];

describe('explain', () => {
  test('says what decided, by which counts, and what was ruled out', async () => {
    const { code, out, err } = await spillway(
      fakeClient({ read: reads(events) }).client,
      'explain',
      ROLLOUT_ID,
      '--local',
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(`\n${out}\n`).toMatchInlineSnapshot(`
      "
      r8 reverted: it is over; version 7 serves again

      r8 reverted at 12:05 UTC, 5 min after it opened; all traffic is on version 7.
      1,600 requests reached the new version and 43 of them failed (2.7 %).

      api: alias live of checkout-prod-api: version 7 → 8

      ✖ api: 43 of 1600 failed

      api errors, what decided:
        canary          43 of        1,600  2.7 %
        stable          15 of       12,760  0.12 %
        canary  ▂▅█  0 to 2.7 % at 3 measurings
        stable  ▁▁▁
        evidence ████████████████████| reverts at the bar

      What else was looked at:
        ✔ api throttles: 0 % of the canary, 0.12 % of stable
      "
    `);
  });

  test('as JSON has the decisive finding', async () => {
    const { out } = await spillway(
      fakeClient({ read: reads(events) }).client,
      'explain',
      ROLLOUT_ID,
      '--local',
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({
      rolloutId: ROLLOUT_ID,
      outcome: 'reverted',
      decisive: { metric: 'errors', canary: { bad: 43 } },
    });
  });

  test('says so if nothing was measured', async () => {
    const { client } = fakeClient({ read: reads(onFirstStep()) });
    const { code, out } = await spillway(client, 'explain', ROLLOUT_ID, '--local');
    expect(code).toBe(0);
    expect(out).toContain('Nothing was measured: no verdict is behind this.');
  });

  test('says after a raise that only this weight was not measured yet', async () => {
    const { client } = fakeClient({ read: reads(onSecondStep()) });
    const { out } = await spillway(client, 'explain', ROLLOUT_ID, '--local');
    expect(out).toContain('Nothing was measured at this weight yet.');
  });

  test('of a rollout that is not there says where to look', async () => {
    expect(await spillway(fakeClient().client, 'explain', ROLLOUT_ID, '--local')).toEqual({
      code: 1,
      out: '',
      err: `There is no rollout ${ROLLOUT_ID} here; "status" lists those under way.`,
    });
  });
});

describe('a rollout that is not there', () => {
  test.each([
    ['checkout-api--r9--1', `did you mean ${ROLLOUT_ID}?`],
    ['checkout-api--something-else--1', `the newest of checkout-api: ${ROLLOUT_ID}`],
  ])('%s: the nearest one is named', async (id, says) => {
    const read = async (what: string) => (what === 'recent' ? [outlineOf(stateAfter(events))] : {});
    for (const name of ['status', 'watch', 'explain']) {
      const { code, err } = await spillway(fakeClient({ read }).client, name, id, '--local');
      expect({ code, err }).toEqual({ code: 1, err: `There is no rollout ${id} here; ${says}` });
    }
  });
});

describe('history', () => {
  test('lists the rollouts of a service', async () => {
    const { client, asked } = fakeClient({ read: reads(events) });
    const { code, out } = await spillway(client, 'history', 'checkout-api', '--limit', '5', '--local');
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d ${ROLLOUT_ID.split('--')[0]}.* reverted`),
    );
    expect(asked).toEqual([{ what: 'read', with: ['recent', { service: 'checkout-api', limit: 5 }] }]);
    expect((await spillway(fakeClient().client, 'history', 'nobody', '--local')).out).toBe(
      'there is no rollout of nobody here',
    );
  });
});

describe('watch', () => {
  test('follows to the end, whose exit code is the outcome', async () => {
    const { code, out } = await spillway(
      fakeClient({ read: reads(events) }).client,
      'watch',
      ROLLOUT_ID,
      '--local',
    );
    expect(code).toBe(10);
    expect(out).toContain('reverted');
  });

  test('as JSON has a line for each event, and the outcome last', async () => {
    const { out } = await spillway(
      fakeClient({ read: reads(events) }).client,
      'watch',
      ROLLOUT_ID,
      '--local',
      '--json',
    );
    const lines = out.split('\n').map((line) => JSON.parse(line));
    expect(lines).toHaveLength(events.length + 1);
    expect(lines.at(-1)).toMatchObject({ rolloutId: ROLLOUT_ID, outcome: 'reverted', exitCode: 10 });
  });
});

describe('link', () => {
  const linking = () => {
    const { client, asked } = fakeClient();
    const link = async (rolloutId: string, action: string) => ({
      url: `https://x.example/link#${rolloutId}.${action}`,
      expiresAt: 0,
    });
    return { client: { ...client, link }, asked };
  };

  test('prints the address alone, and until when it works beside it', async () => {
    expect(await spillway(linking().client, 'link', ROLLOUT_ID, 'abort', '--local')).toEqual({
      code: 0,
      out: `https://x.example/link#${ROLLOUT_ID}.abort`,
      err: 'It works until 1970-01-01T00:00 UTC, for whoever has it.',
    });
  });

  test('of another kind is refused, and without the API says what is missing', async () => {
    expect(await spillway(linking().client, 'link', ROLLOUT_ID, 'promote', '--local')).toMatchObject({
      code: 2,
    });
    expect((await spillway(fakeClient().client, 'link', ROLLOUT_ID, 'view', '--local')).err).toContain(
      'lambda:GetFunctionUrlConfig',
    );
  });
});
