import { expect } from 'vitest';
import type { Handed, Openings } from '../../core/ports.ts';
import { actor } from '../core/rollout/given.ts';
import { contract, type Implementation, refused } from './cases.ts';

/** Openings, and in place of OpenRollout what is arranged. */
export interface OpeningsStage {
  /** Hands over, and lets the time pass that it takes. */
  open(handed: Handed): ReturnType<Openings['open']>;
  arrange: {
    /** OpenRollout answers this. */
    answer(value: { rolloutId: string; result: string; reason: string }): void;
    /** OpenRollout throws. */
    fail(name: string, message: string): void;
    /** The first calls are refused for want of capacity. */
    throttle(calls: number): void;
    /** A call takes effect, and its answer is lost. */
    loseAnswer(): void;
    /** It cannot be reached. */
    disconnect(): void;
  };
  /** What OpenRollout was handed, in order. */
  handed(): unknown[];
}

const WAITING: Handed = { open: 'waiting', service: 'checkout' };
const OPENED = { rolloutId: 'checkout--r2--1', result: 'opened', reason: 'opened' };

/** What handing over an opening promises. */
export function describeOpenings(implementation: Implementation<OpeningsStage>): void {
  contract<OpeningsStage>('Openings', implementation, (keeps) => {
    keeps('hands over exactly what it is given, and answers which rollout came of it', async (stage) => {
      const all: Handed[] = [
        WAITING,
        { open: 'retry', rolloutId: 'checkout--r1--1' },
        { open: 'rollback', rolloutId: 'checkout--r1--1', by: actor('Zoë'), reason: '5 % of orders "fail"' },
      ];
      stage.arrange.answer(OPENED);
      for (const each of all) expect(await stage.open(each)).toBe('checkout--r2--1');
      expect(stage.handed()).toEqual(all);
    });

    keeps('answers undefined if nothing was there to open', async ({ open, arrange }) => {
      arrange.answer({ rolloutId: '', result: 'ignored', reason: 'no release waits' });
      expect(await open(WAITING)).toBeUndefined();
    });

    keeps('passes a refusal on as it was said', async ({ open, arrange }) => {
      arrange.fail('CommandRefused', 'checkout--r1--1 completed; there is nothing to try again.');
      await refused(open(WAITING), 'CommandRefused', /^checkout--r1--1 completed; there is nothing/);
    });

    keeps('passes on that something could not be reached', async ({ open, arrange }) => {
      arrange.fail('Unavailable', 'The journal could not be reached.');
      await refused(open(WAITING), 'Unavailable', /^The journal could not be reached/);
    });

    keeps('says Unavailable, and what to do, where OpenRollout broke', async ({ open, arrange }) => {
      arrange.fail('TypeError', 'x is not a function');
      await refused(open(WAITING), 'Unavailable', /x is not a function/, /see whether the rollout is there/);
    });

    keeps('tries again while there is no room, which does nothing twice', async (stage) => {
      stage.arrange.answer(OPENED);
      stage.arrange.throttle(2);
      expect(await stage.open(WAITING)).toBe('checkout--r2--1');
      expect(stage.handed()).toHaveLength(1);
    });

    keeps('gives up where there is no room for long', async ({ open, arrange, handed }) => {
      arrange.throttle(100);
      await refused(open(WAITING), 'Unavailable', /has no room for another call, and did nothing/);
      expect(handed()).toEqual([]);
    });

    keeps('never hands over twice by itself: what was lost may have been opened', async (stage) => {
      stage.arrange.answer(OPENED);
      stage.arrange.loseAnswer();
      await refused(stage.open(WAITING), 'Unavailable', /see whether the rollout is there/);
      expect(stage.handed()).toHaveLength(1);
    });

    keeps('says Unavailable where OpenRollout cannot be reached', async ({ open, arrange, handed }) => {
      arrange.disconnect();
      await refused(open(WAITING), 'Unavailable');
      expect(handed()).toEqual([]);
    });
  });
}
