import { describe, expect, test } from 'vitest';
import { rolloutFileFrom } from '../../core/config/rollout-file.ts';
import type { TrafficRouter } from '../../core/ports.ts';
import { SEQ_MAX } from '../../core/rollout/fencing-token.ts';
import { kindOf, type TargetKinds } from '../../core/target-kind.ts';
import { type Case, caseOf } from '../../simulation/case.ts';
import { FAULT_NAMES } from '../../simulation/faults.ts';
import type { Guest, Hosts } from '../../simulation/guest.ts';
import { playCase } from '../../simulation/play.ts';
import { KINDS } from '../../targets/kinds.ts';
import { leastFile, thrownBy } from '../core/config/files.ts';
import { times } from '../deep.ts';

import { ledgerGuest } from '../kinds/ledger/guest.ts';
import { ledgerKind } from '../kinds/ledger/kind.ts';
import { KEY } from '../kinds/ledger/router.ts';

const WORLDS = times(36, 120);

describe('a kind of target that shares nothing with a function', () => {
  test('keeps every promise in worlds of its own and of aliases, under all faults', async () => {
    const met = { promoted: 0, blamed: 0, completed: 0, reverted: 0 };
    for (let seed = 0; seed < WORLDS; seed++) {
      const { run, violations } = await playCase(caseOf(seed, FAULT_NAMES), ledgerGuest);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      const writes = run.timeline.filter((entry) => entry.kind === 'write' && entry.key === KEY);
      if (writes.some((entry) => entry.kind === 'write' && entry.after?.primary === '2')) met.promoted += 1;
      for (const { outcome, reason = '' } of run.heads) {
        if (outcome === 'completed' || outcome === 'reverted') met[outcome] += 1;
        if (outcome === 'reverted' && /^book |: book /.test(reason)) met.blamed += 1;
      }
    }
    for (const count of Object.values(met)) expect(count).toBeGreaterThan(3);
  });

  /** A world whose ledger fails its users, and in which no function can revert. */
  const stuck: Case = {
    ...{ seed: 3, requestsPerSecond: 50, stableErrors: 0.001, targets: 1, isFed: false },
    ...{ release: { kind: 'bad', as: 'errors', share: 0.3 }, file: {}, commands: [], faults: [], noise: 0 },
    troubles: [{ fault: 'revertBroken', when: { ms: 0 }, seconds: 4 * 3600, how: 0.5 }],
  };
  /** Who took the canary out of the ledger in it, and whether a promise was broken. */
  const endOf = async (guestOf: (hosts: Hosts) => Guest) => {
    const { run, violations } = await playCase(stuck, guestOf);
    const last = run.timeline.flatMap((entry) =>
      entry.kind === 'write' && entry.key === KEY && entry.before.weights['2'] !== undefined ? [entry] : [],
    );
    return { left: last.at(-1)?.after, isDirect: last.at(-1)?.by?.seq === SEQ_MAX, violations };
  };

  test('is reverted by its own arm of the state machine if no function can', async () => {
    const left = { primary: '1', weights: {} };
    expect(await endOf(ledgerGuest)).toEqual({ left, isDirect: true, violations: [] });
  });

  test('that has no arm is left alone by the state machine, until the watchdog comes', async () => {
    const { isDirect } = await endOf((hosts) => {
      const guest = ledgerGuest(hosts);
      return { ...guest, world: { ...guest.world, machine: undefined } };
    });
    expect(isDirect).toBe(false);
  });

  test('whose revert does nothing trips the checkers', async () => {
    const bad: Case = { ...stuck, troubles: [] };
    const { violations } = await playCase(bad, (hosts) => {
      const guest = ledgerGuest(hosts);
      const revert: TrafficRouter['revert'] = async ({ name }) => ({
        ...{ name, primary: '1', changed: false, drifted: false },
      });
      return {
        ...guest,
        ports(ours) {
          const known = guest.ports?.(ours) ?? ours;
          const router: typeof known.router = (kind) =>
            kind === ledgerKind.kind ? { ...known.router(kind), revert } : known.router(kind);
          return { ...known, router };
        },
      };
    });
    expect(violations.map(({ promise }) => promise)).toContain('endsAtZeroOrHundred');
  });
});

describe('a rollout file with targets of two kinds', () => {
  const kinds: TargetKinds = [...KINDS, ledgerKind];
  const read = (targets: object) => rolloutFileFrom(kinds, { ...leastFile(), targets });

  test('takes each by its field', () => {
    const { targets } = read({ api: { lambda: 'f', alias: 'live' }, book: { ledger: 'books' } });
    const found = Object.values(targets).map((spec) => kindOf(kinds, spec).kind);
    expect(found).toEqual(['lambda-alias', 'ledger']);
  });

  test.each([
    [{ book: { ledger: 'Books!' } }, 'targets.book.ledger is "Books!"'],
    [{ book: { ledger: 'books', alias: 'live' } }, 'targets.book.alias'],
    [
      { api: { lambda: 'f', alias: 'live' }, book: { lambda: 'f', alias: 'live' } },
      'same function and alias',
    ],
    [{ a: { ledger: 'books' }, b: { ledger: 'books' } }, 'same ledger'],
  ])('refuses %j', (targets, says) => {
    expect(thrownBy(() => read(targets)).message).toContain(says);
  });
});
