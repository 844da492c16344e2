import { expect } from 'vitest';
import type { Announcer } from '../../controller/ports.ts';
import type { Transition } from '../../core/people/transition.ts';
import type { VirtualClock } from '../../local/clock.ts';
import { contract, type Implementation } from './cases.ts';

interface AnnouncerStage {
  clock: VirtualClock;
  announcer: Announcer;
  /** Refuses so many of the next entries with this code, from the entry with this number on; with none, they are missing from the answer. */
  refuse(times: number, code: string, n: number): void;
  /** What whoever subscribed has got, in the order in which it was taken. */
  taken(): Promise<Transition[]>;
}

/** A transition with this number. */
const transition = (n: number, rolloutId = 'checkout-api--r8--1'): Transition => ({
  schema: 1,
  id: `${rolloutId}#${n}`,
  kind: 'raised',
  detailType: 'Rollout Raised',
  ...{ environment: 'prod', service: 'checkout-api', rolloutId, release: 'r8', n },
  at: 1_767_614_400_000 + n * 1_000,
  line: `api raised to ${n} %`,
  state: 'just opened',
  weight: n,
  importance: 'detail',
});

/** What whoever announces promises. */
export function describeAnnouncer(implementation: Implementation<AnnouncerStage>): void {
  contract<AnnouncerStage>('Announcer', implementation, (keeps) => {
    const many = Array.from({ length: 23 }, (_, index) => transition(index + 1));
    const numbers = (all: Transition[]) => all.map(({ n }) => n);

    keeps('announces all of them, in order', async ({ clock, announcer, taken }) => {
      await clock.run(announcer.announce(many));
      expect(await taken()).toEqual(many);
    });

    keeps('has nothing to do for none', async ({ clock, announcer, taken }) => {
      await clock.run(announcer.announce([]));
      expect(await taken()).toEqual([]);
    });

    keeps('sends again only what was not taken, before anything that follows it', async (stage) => {
      const { clock, announcer, refuse, taken } = stage;
      refuse(2, 'ThrottlingException', 4);
      await clock.run(announcer.announce(many));
      const order = numbers(await taken());
      expect([...order].sort((a, b) => a - b)).toEqual(numbers(many));
      expect(order.indexOf(4)).toBe(9);
      expect(order.indexOf(11)).toBe(10);
    });

    keeps('takes what the answer leaves out for something that was not taken', async (stage) => {
      const { clock, announcer, refuse, taken } = stage;
      refuse(1, '', 23);
      await clock.run(announcer.announce(many));
      expect(new Set(numbers(await taken()))).toEqual(new Set(numbers(many)));
      refuse(99, '', 23);
      await expect(clock.run(announcer.announce(many))).rejects.toMatchObject({ code: 'Unavailable' });
    });

    keeps('says that it is unavailable if some are refused for now again and again', async (stage) => {
      const { clock, announcer, refuse, taken } = stage;
      refuse(99, 'InternalFailure', 12);
      await expect(clock.run(announcer.announce(many))).rejects.toMatchObject({ code: 'Unavailable' });
      expect(numbers(await taken()).filter((n) => n > 20)).toEqual([]);
    });

    keeps('tells what never will be taken from what passes', async ({ clock, announcer, refuse }) => {
      refuse(99, 'MalformedDetail', 3);
      const announced = clock.run(announcer.announce(many));
      await expect(announced).rejects.toThrow(/checkout-api--r8--1#3.*MalformedDetail/);
      await expect(announced).rejects.not.toMatchObject({ code: 'Unavailable' });
    });
  });
}
