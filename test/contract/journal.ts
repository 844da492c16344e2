import { expect } from 'vitest';
import { RolloutError } from '../../core/errors.ts';
import type { Journal, Waiting } from '../../core/ports.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { fold, type Rollout } from '../../core/rollout/state.ts';
import { actor } from '../core/rollout/given.ts';
import { atOnce, contract, type Implementation, refused } from './cases.ts';
import {
  AT,
  closedEvent,
  declinedEvent,
  fullHistory,
  longEvent,
  manifestOf,
  noted,
  openedEvent,
  targetOf,
} from './rollouts.ts';

const ID = 'checkout--r1--1';
const onceOf = (id: string, fingerprint: string) => ({ id, fingerprint, expiresAt: AT + 3_600_000 });
const waitingFor = (release: string, order: number): Waiting => ({
  release,
  order,
  attempt: 1,
  manifest: manifestOf(release),
});

/** What every journal promises, whatever it is kept in. */
export function describeJournal(implementation: Implementation<Journal>): void {
  contract<Journal>('Journal', implementation, (keeps) => {
    keeps('knows nothing of a rollout that was never opened', async (journal) => {
      expect(await journal.read(ID)).toBeUndefined();
      expect(await journal.events(ID)).toEqual([]);
      expect(await journal.running()).toEqual([]);
      expect(await journal.service('checkout')).toEqual({});
    });

    keeps('opens a rollout with all of its first events', async (journal) => {
      const events = [openedEvent(), noted('a')];
      expect(await journal.open(events)).toEqual({ result: 'opened', rollout: fold(events) });
      expect(await journal.events(ID)).toEqual(events);
      expect(await journal.read(ID)).toMatchObject({ version: 2, opening: { rolloutId: ID } });
    });

    keeps('answers a second opening with the rollout of the first, and writes nothing', async (journal) => {
      await journal.open([openedEvent({ order: 1 })]);
      const again = await journal.open([openedEvent({ order: 2, targets: [targetOf('other')] }), noted('a')]);
      expect(again).toMatchObject({ result: 'exists', rollout: { version: 1, opening: { order: 1 } } });
      expect(await journal.events(ID)).toEqual([openedEvent({ order: 1 })]);
      expect(await openOn(journal, 'r2', ['other'])).toMatchObject({ result: 'opened' });
    });

    keeps('lets one of a hundred openings of the same rollout win', async (journal) => {
      const answers = await atOnce(100, (order) => journal.open([openedEvent({ order })]));
      expect(answers.filter(({ result }) => result === 'opened')).toHaveLength(1);
      expect(answers.filter(({ result }) => result === 'exists')).toHaveLength(99);
      const first = (await journal.read(ID))?.opening.order;
      expect(answers).toEqual(answers.map(() => expect.objectContaining({ rollout: openedWith(first) })));
    });

    keeps('lets one of a hundred rollouts have a target', async (journal) => {
      const answers = await atOnce(100, (index) => openOn(journal, `r${index}`, ['api']));
      const won = answers.flatMap((answer) =>
        answer.result === 'opened' ? [answer.rollout.opening.rolloutId] : [],
      );
      expect(won).toHaveLength(1);
      const locked = answers.filter(({ result }) => result === 'locked');
      expect(locked).toEqual(Array.from({ length: 99 }, () => ({ result: 'locked', by: won[0] })));
      expect((await journal.running()).map(({ opening }) => opening.rolloutId)).toEqual(won);
    });

    keeps('takes all locks of a rollout or none', async (journal) => {
      await openOn(journal, 'r1', ['second']);
      expect(await openOn(journal, 'r2', ['first', 'second', 'third'])).toEqual({ result: 'locked', by: ID });
      expect(await journal.read('checkout--r2--1')).toBeUndefined();
      expect(await journal.events('checkout--r2--1')).toEqual([]);
      expect(await openOn(journal, 'r3', ['first'])).toMatchObject({ result: 'opened' });
      expect(await openOn(journal, 'r4', ['third'])).toMatchObject({ result: 'opened' });
    });

    keeps('opens nothing that was decided on what a service no longer remembers', async (journal) => {
      const first = await journal.service('checkout');
      const left: RolloutEvent = { type: 'Aborted', at: AT + 1000, by: actor('ada'), reason: 'odd' };
      await journal.append(await opening(journal), [left, closedEvent('reverted')]);
      const again = [openedEvent({ release: 'r2' })];
      expect(await journal.open(again, first)).toEqual({ result: 'outdated' });
      expect(await journal.read('checkout--r2--1')).toBeUndefined();
      expect(await journal.events('checkout--r2--1')).toEqual([]);
      const second = await journal.service('checkout');
      await journal.lift('checkout', 'r1');
      expect(await journal.open(again, second)).toEqual({ result: 'outdated' });
      expect(await journal.open(again, await journal.service('checkout'))).toMatchObject({
        result: 'opened',
        rollout: fold(again),
      });
    });

    keeps('opens what was decided on a service whose queue alone has changed since', async (journal) => {
      const first = await journal.service('checkout');
      await journal.wait('checkout', waitingFor('r2', 2));
      expect(await journal.open([openedEvent()], first)).toMatchObject({ result: 'opened' });
      await journal.append((await journal.read(ID)) as Rollout, [closedEvent('completed')]);
      const second = await journal.service('checkout');
      await journal.unwait('checkout', 'r2');
      await openOnOther(journal, 'payments');
      expect(await journal.open([openedEvent({ release: 'r2' })], second)).toMatchObject({
        result: 'opened',
      });
    });

    keeps('says first who holds the target, and what is there already', async (journal) => {
      const first = await journal.service('checkout');
      await journal.append(await opening(journal), [closedEvent('completed')]);
      await openOn(journal, 'r2', ['api']);
      expect(await journal.open([openedEvent()], first)).toMatchObject({ result: 'exists' });
      expect(await journal.open([openedEvent({ release: 'r3' })], first)).toEqual({
        result: 'locked',
        by: 'checkout--r2--1',
      });
    });

    keeps('keeps a release that was turned away, without taking a lock', async (journal) => {
      expect(await journal.open([declinedEvent()])).toMatchObject({
        result: 'opened',
        rollout: { outcome: 'refused' },
      });
      expect(await journal.events(ID)).toEqual([declinedEvent()]);
      expect(await journal.running()).toEqual([]);
      expect(await openOn(journal, 'r2', ['api'])).toMatchObject({ result: 'opened' });
    });

    keeps('keeps a release that was turned away while its target is locked', async (journal) => {
      await openOn(journal, 'r1', ['api']);
      expect(await journal.open([declinedEvent('superseded', 'r2')])).toMatchObject({ result: 'opened' });
    });

    keeps('does not take a release that was turned away for one that completed', async (journal) => {
      await journal.open([declinedEvent('completed')]);
      expect((await journal.service('checkout')).completed).toBeUndefined();
    });

    keeps('has after every append the fold of its events as its head', async (journal) => {
      const opened = await openOn(journal, 'r1', ['api']);
      if (opened.result !== 'opened') throw new Error('The rollout was not opened.');
      let rollout = opened.rollout;
      for (const events of fullHistory(rollout)) {
        rollout = await journal.append(rollout, events);
        const told = await journal.events(ID);
        expect(told.slice(-events.length)).toEqual(events);
        expect(await journal.read(ID)).toEqual(fold(told));
        expect(rollout).toEqual(fold(told));
        expect(rollout.version).toBe(told.length);
      }
      expect(rollout.outcome).toBe('reverted');
    });

    keeps(
      'lets one of a hundred commands use what can be used once, and writes its events alone',
      async (journal) => {
        const opened = await opening(journal);
        const answers = await atOnce(100, (index) =>
          journal.append(opened, [noted(`${index}`)], onceOf('link', `order ${index}`)).then(
            () => `order ${index}`,
            (error: Error) => error.name,
          ),
        );
        const won = answers.filter((each) => each.startsWith('order'));
        expect(won).toHaveLength(1);
        for (const name of answers.filter((each) => !won.includes(each)))
          expect(['JournalConflict', 'CommandRepeated']).toContain(name);
        expect(await journal.events(ID)).toHaveLength(2);
        expect(await journal.used('link')).toEqual({ fingerprint: won[0], rolloutId: ID });
      },
    );

    keeps('refuses what was used, whatever it is used for, and appends nothing', async (journal) => {
      const opened = await opening(journal);
      expect(await journal.used('link')).toBeUndefined();
      const once = onceOf('link', 'a');
      const after = await journal.append(opened, [noted('a')], once);
      const other = await opening(journal, { release: 'r2', targets: [targetOf('other')] });
      for (const rollout of [after, other])
        for (const again of [once, onceOf('link', 'b')])
          for (const events of [[noted('b')], []])
            await refused(
              journal.append(rollout, events, again),
              'CommandRepeated',
              rollout.opening.rolloutId,
            );
      expect(await journal.read(ID)).toEqual(after);
      expect(await journal.read(other.opening.rolloutId)).toEqual(other);
      expect(await journal.used('link')).toEqual({ fingerprint: 'a', rolloutId: ID });
      expect(await journal.append(after, [noted('c')], onceOf('another', 'a'))).toMatchObject({ version: 3 });
    });

    keeps('uses up what can be used once also for a command that writes no event', async (journal) => {
      const opened = await opening(journal);
      expect(await journal.append(opened, [], onceOf('link', 'a'))).toEqual(opened);
      expect(await journal.used('link')).toEqual({ fingerprint: 'a', rolloutId: ID });
      expect(await journal.events(ID)).toHaveLength(1);
    });

    keeps(
      'uses nothing up if another writer was first, and is used up by an end of the rollout too',
      async (journal) => {
        const opened = await opening(journal);
        const after = await journal.append(opened, [noted('a')]);
        for (const events of [[noted('b')], []])
          await refused(journal.append(opened, events, onceOf('link', 'a')), 'JournalConflict');
        expect(await journal.used('link')).toBeUndefined();
        await journal.append(after, [closedEvent()], onceOf('link', 'a'));
        expect(await journal.used('link')).toEqual({ fingerprint: 'a', rolloutId: ID });
        expect(await openOn(journal, 'r2', ['api'])).toMatchObject({ result: 'opened' });
      },
    );

    keeps('gives its events in pages, each event once and in order', async (journal) => {
      let rollout = await opening(journal);
      for (let index = 0; index < 12; index++)
        rollout = await journal.append(rollout, [longEvent(AT + index)]);
      const all = await journal.events(ID);
      const read: RolloutEvent[] = [];
      let pages = 0;
      for (let isMore = true; isMore; pages++) {
        const page = await journal.eventsAfter(ID, read.length);
        expect(page.events.length).toBeGreaterThan(0);
        expect(JSON.stringify(page.events).length).toBeLessThan(1.3e6);
        read.push(...page.events);
        isMore = page.isMore;
      }
      expect(read).toEqual(all);
      expect(pages).toBeGreaterThan(1);
      expect(await journal.eventsAfter(ID, all.length)).toEqual({ events: [], isMore: false });
      expect(await journal.eventsAfter('checkout--r9--1', 0)).toEqual({ events: [], isMore: false });
    });

    keeps('gives at most as many events as are asked for', async (journal) => {
      const opened = await opening(journal);
      await journal.append(opened, [noted('a'), noted('b')]);
      expect(await journal.eventsAfter(ID, 0, 2)).toEqual({
        events: [openedEvent(), noted('a')],
        isMore: true,
      });
      expect(await journal.eventsAfter(ID, 2, 2)).toEqual({ events: [noted('b')], isMore: false });
    });

    keeps(
      'lists the rollouts of a service, the newest first, each with its present state',
      async (journal) => {
        const first = await opening(journal);
        await journal.append(first, [closedEvent()]);
        await journal.open([{ ...declinedEvent('refused', 'r2'), at: AT + 1000 }]);
        await journal.open([{ ...openedEvent({ release: 'r3' }), at: AT + 2000 }]);
        await openOnOther(journal, 'payments');
        const recent = await journal.recent({ service: 'checkout', limit: 10 });
        expect(recent.map(({ opening, outcome }) => [opening.release, outcome])).toEqual([
          ['r3', undefined],
          ['r2', 'refused'],
          ['r1', 'completed'],
        ]);
        expect(recent.at(-1)).toEqual(await journal.read(ID));
        expect(await journal.recent({ service: 'nobody', limit: 10 })).toEqual([]);
      },
    );

    keeps('lists them in pages, each rollout once, also those of one moment', async (journal) => {
      for (let index = 0; index < 7; index++)
        await journal.open([{ ...declinedEvent('refused', `r${index}`), at: AT + (index > 4 ? 1000 : 0) }]);
      const all = idsOf(await journal.recent({ service: 'checkout', limit: 10 }));
      expect(new Set(all).size).toBe(7);
      const read: string[] = [];
      for (let before: string | undefined; ; before = read.at(-1)) {
        const page = await journal.recent({ service: 'checkout', before, limit: 3 });
        if (page.length === 0) break;
        read.push(...page.map(({ opening }) => opening.rolloutId));
      }
      expect(read.slice(0, 2).toSorted()).toEqual(['checkout--r5--1', 'checkout--r6--1']);
      expect(read.toSorted()).toEqual(all);
    });

    keeps('lists nothing before a rollout that is not of this service', async (journal) => {
      await opening(journal);
      await openOnOther(journal, 'payments');
      for (const before of ['checkout--r9--1', 'payments--r1--1'])
        expect(await journal.recent({ service: 'checkout', before, limit: 3 })).toEqual([]);
    });

    keeps('refuses an append after an old version, and writes nothing of it', async (journal) => {
      const old = await opening(journal);
      await journal.append(old, [noted('first')]);
      await refused(journal.append(old, [noted('second'), closedEvent()]), 'JournalConflict', ID);
      expect(await journal.events(ID)).toEqual([openedEvent(), noted('first')]);
      expect(await journal.read(ID)).toMatchObject({ version: 2 });
      expect(await openOn(journal, 'r2', ['api'])).toMatchObject({ result: 'locked' });
    });

    keeps('lets one of a hundred appends after the same version win', async (journal) => {
      const old = await opening(journal);
      const results = await Promise.allSettled(
        Array.from({ length: 100 }, (_, index) => journal.append(old, [noted(`alarm ${index}`)])),
      );
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(failures).toHaveLength(99);
      expect(failures.every((error) => RolloutError.is(error, 'JournalConflict'))).toBe(true);
      expect(await journal.events(ID)).toHaveLength(2);
    });

    keeps('loses nothing of a hundred writers who read again after a conflict', async (journal) => {
      await opening(journal);
      await atOnce(100, (index) => insist(journal, noted(`alarm ${index}`)));
      const alarms = (await journal.events(ID)).flatMap((event) =>
        event.type === 'AlarmRaised' ? [event.alarm] : [],
      );
      expect(alarms.toSorted()).toEqual(
        Array.from({ length: 100 }, (_, index) => `alarm ${index}`).toSorted(),
      );
      expect(await journal.read(ID)).toEqual(fold(await journal.events(ID)));
    });

    keeps('answers an append of nothing with the head as it is', async (journal) => {
      const rollout = await opening(journal);
      expect(await journal.append(rollout, [])).toEqual(rollout);
      expect(await journal.events(ID)).toHaveLength(1);
    });

    keeps(
      'releases every lock with the event that ends a rollout, and remembers what completed',
      async (journal) => {
        const rollout = await opening(journal, { order: 7, targets: [targetOf('api'), targetOf('worker')] });
        await journal.append(rollout, [noted('a'), closedEvent('completed')]);
        const record = await journal.service('checkout');
        expect(record).toMatchObject({ completed: { release: 'r1', order: 7, rolloutId: ID }, seq: 1 });
        expect(record.completed?.targets?.map(({ name, version }) => [name, version])).toEqual([
          ['api', '2'],
          ['worker', '2'],
        ]);
        expect(await openOn(journal, 'r2', ['api'])).toMatchObject({ result: 'opened' });
        expect(await openOn(journal, 'r3', ['worker'])).toMatchObject({ result: 'opened' });
      },
    );

    keeps('releases the locks of a reverted rollout, and keeps what completed before it', async (journal) => {
      await journal.append(await opening(journal, { order: 1 }), [closedEvent('completed')]);
      const second = await opening(journal, { release: 'r2', order: 2 });
      await journal.append(second, [closedEvent('reverted')]);
      expect((await journal.service('checkout')).completed).toMatchObject({ release: 'r1', order: 1 });
      expect(await openOn(journal, 'r3', ['api'])).toMatchObject({ result: 'opened' });
    });

    keeps('leaves the locks of other rollouts alone when one ends', async (journal) => {
      const ending = await opening(journal);
      await openOn(journal, 'r2', ['worker']);
      await journal.append(ending, [closedEvent()]);
      expect(await openOn(journal, 'r3', ['worker'])).toEqual({ result: 'locked', by: 'checkout--r2--1' });
    });

    keeps('lists the rollouts that have not ended', async (journal) => {
      const ending = await opening(journal);
      await openOn(journal, 'r2', ['worker']);
      await journal.open([declinedEvent('refused', 'r3')]);
      expect(idsOf(await journal.running())).toEqual([ID, 'checkout--r2--1']);
      await journal.append(ending, [closedEvent()]);
      expect(idsOf(await journal.running())).toEqual(['checkout--r2--1']);
    });

    keeps('lets the newest release wait, and answers the one that gave way', async (journal) => {
      expect(await journal.wait('checkout', waitingFor('r2', 2))).toEqual({});
      expect(await journal.wait('checkout', waitingFor('r3', 3))).toEqual({
        superseded: waitingFor('r2', 2),
      });
      expect((await journal.service('checkout')).waiting).toEqual(waitingFor('r3', 3));
      expect(await journal.service('another')).toEqual({});
    });

    keeps('does not let a release give way to itself', async (journal) => {
      await journal.wait('checkout', waitingFor('r2', 2));
      expect(await journal.wait('checkout', waitingFor('r2', 2))).toEqual({});
      expect((await journal.service('checkout')).waiting).toEqual(waitingFor('r2', 2));
    });

    keeps('remembers what completed before the present release', async (journal) => {
      await journal.append(await opening(journal, { order: 1 }), [closedEvent('completed')]);
      await journal.append(await opening(journal, { release: 'r2', order: 2 }), [closedEvent('completed')]);
      expect(await journal.service('checkout')).toMatchObject({
        completed: { release: 'r2', order: 2 },
        earlier: [
          { release: 'before-r2' },
          { release: 'r1', order: 1, rolloutId: ID },
          { release: 'before-r1' },
        ],
      });
    });

    keeps(
      'puts a release in quarantine that left for its own fault, until that is lifted',
      async (journal) => {
        const left: RolloutEvent = { type: 'Aborted', at: AT + 1000, by: actor('ada'), reason: 'odd' };
        for (const release of ['r1', 'r2'])
          await journal.append(await opening(journal, { release }), [left, closedEvent('reverted')]);
        const quarantined = async () =>
          (await journal.service('checkout')).quarantined?.map(({ release, made }) => [release, made]);
        expect(await quarantined()).toEqual([
          ['r1', { api: { version: '2' } }],
          ['r2', { api: { version: '2' } }],
        ]);
        await journal.lift('checkout', 'r1');
        await journal.lift('checkout', 'r1');
        await journal.lift('checkout', 'r9');
        expect(await quarantined()).toEqual([['r2', { api: { version: '2' } }]]);
      },
    );

    keeps(
      'remembers when a canary that did not stay had traffic, also after a quarantine is lifted',
      async (journal) => {
        const left: RolloutEvent = { type: 'Aborted', at: AT + 1000, by: actor('ada'), reason: 'odd' };
        const opened = await opening(journal);
        const [, raise] = fullHistory(opened) as [RolloutEvent[], RolloutEvent[]];
        await journal.append(opened, [...raise, left, closedEvent('reverted')]);
        const { tried } = await journal.service('checkout');
        expect(tried).toMatchObject([{ from: AT + 2 }]);
        await journal.lift('checkout', 'r1');
        expect((await journal.service('checkout')).tried).toEqual(tried);
      },
    );

    keeps('puts no release in quarantine that left for a fault of the environment', async (journal) => {
      const [left, closed] = [
        {
          type: 'RevertOrdered',
          at: AT + 1000,
          cause: 'environment',
          reason: 'odd',
          outcome: 'reverted',
        } as const,
        closedEvent('reverted'),
      ];
      await journal.append(await opening(journal), [left, closed]);
      expect((await journal.service('checkout')).quarantined ?? []).toEqual([]);
    });

    keeps('has nothing to lift for a service that nobody knows', async (journal) => {
      await journal.lift('nobody', 'r1');
      expect((await journal.service('nobody')).quarantined ?? []).toEqual([]);
    });

    keeps('forgets the waiting release only where it is still the one that is meant', async (journal) => {
      await journal.unwait('checkout', 'r2');
      await journal.wait('checkout', waitingFor('r2', 2));
      await journal.unwait('checkout', 'r1');
      expect((await journal.service('checkout')).waiting).toEqual(waitingFor('r2', 2));
      await journal.unwait('checkout', 'r2');
      expect((await journal.service('checkout')).waiting).toBeUndefined();
    });

    keeps('keeps the waiting release when the present rollout completes', async (journal) => {
      const rollout = await opening(journal);
      await journal.wait('checkout', waitingFor('r2', 2));
      await journal.append(rollout, [closedEvent('completed')]);
      expect(await journal.service('checkout')).toMatchObject({
        completed: { release: 'r1' },
        waiting: { release: 'r2' },
      });
    });

    keeps('hands its tokens out once', async (journal) => {
      await opening(journal);
      await journal.putToken(ID, { version: 1, token: 'a' });
      await journal.putToken(ID, { version: 1, token: 'b' });
      expect((await journal.takeTokens(ID)).map(({ token }) => token).toSorted()).toEqual(['a', 'b']);
      expect(await journal.takeTokens(ID)).toEqual([]);
    });

    keeps('forgets the tokens of older versions when a newer one comes', async (journal) => {
      await opening(journal);
      await journal.putToken(ID, { version: 1, token: 'old' });
      await journal.putToken(ID, { version: 2, token: 'new' });
      expect(await journal.takeTokens(ID)).toEqual([{ version: 2, token: 'new' }]);
    });

    keeps('keeps the newest token when an older one comes late', async (journal) => {
      await opening(journal);
      await journal.putToken(ID, { version: 2, token: 'new' });
      await journal.putToken(ID, { version: 1, token: 'late' });
      expect(await journal.takeTokens(ID)).toContainEqual({ version: 2, token: 'new' });
    });

    keeps('hands each token to one of many who take at once', async (journal) => {
      await opening(journal);
      for (let index = 0; index < 10; index++) await journal.putToken(ID, { version: 1, token: `t${index}` });
      const taken = (await atOnce(10, () => journal.takeTokens(ID))).flat().map(({ token }) => token);
      expect(taken.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => `t${index}`));
    });

    keeps('keeps the tokens of each rollout apart', async (journal) => {
      await opening(journal);
      await openOn(journal, 'r2', ['worker']);
      await journal.putToken(ID, { version: 1, token: 'a' });
      expect(await journal.takeTokens('checkout--r2--1')).toEqual([]);
      expect(await journal.takeTokens(ID)).toEqual([{ version: 1, token: 'a' }]);
    });

    keeps('shares nothing that it was given', async (journal) => {
      const first = openedEvent();
      const opened = await journal.open([first]);
      if (opened.result !== 'opened') throw new Error('The rollout was not opened.');
      const second = noted('a');
      await journal.append(opened.rollout, [second]);
      const waiting = waitingFor('r2', 2);
      await journal.wait('checkout', waiting);
      const token = { version: 2, token: 't' };
      await journal.putToken(ID, token);
      for (const given of [first, second, waiting, token]) spoil(given);
      expect(await journal.events(ID)).toEqual([openedEvent(), noted('a')]);
      expect(await journal.read(ID)).toEqual(fold([openedEvent(), noted('a')]));
      expect(await journal.service('checkout')).toEqual({ waiting: waitingFor('r2', 2) });
      expect(await journal.takeTokens(ID)).toEqual([{ version: 2, token: 't' }]);
    });

    keeps('lets nobody change what it keeps through what it answered', async (journal) => {
      const opened = await journal.open([openedEvent()]);
      if (opened.result !== 'opened') throw new Error('The rollout was not opened.');
      const rollout = structuredClone(opened.rollout);
      spoil(opened.rollout);
      spoil(await journal.append(rollout, [noted('a')]));
      await journal.wait('checkout', waitingFor('r2', 2));
      const answers = [await journal.read(ID), await journal.events(ID), await journal.running()];
      for (const answer of [...answers, await journal.open([openedEvent()])]) spoil(answer);
      spoil(await journal.service('checkout'));
      expect(await journal.events(ID)).toEqual([openedEvent(), noted('a')]);
      expect(await journal.read(ID)).toEqual(fold([openedEvent(), noted('a')]));
      expect(await journal.running()).toEqual([fold([openedEvent(), noted('a')])]);
      expect(await journal.service('checkout')).toEqual({ waiting: waitingFor('r2', 2) });
      await journal.append((await journal.read(ID)) as Rollout, [closedEvent('completed')]);
      spoil(await journal.service('checkout'));
      expect((await journal.service('checkout')).completed).toMatchObject({ release: 'r1', order: 1 });
    });
  });
}

async function opening(journal: Journal, changes: Parameters<typeof openedEvent>[0] = {}): Promise<Rollout> {
  const opened = await journal.open([openedEvent(changes)]);
  if (opened.result !== 'opened') throw new Error(`The rollout was not opened but ${opened.result}.`);
  return opened.rollout;
}

function openOn(journal: Journal, release: string, targets: string[]) {
  return journal.open([openedEvent({ release, targets: targets.map(targetOf) })]);
}

/** A rollout of another service begins and ends. */
async function openOnOther(journal: Journal, service: string): Promise<void> {
  const changes = { service, targets: [targetOf(service)] };
  await journal.append(await opening(journal, changes), [closedEvent('completed')]);
}

const openedWith = (order: number | undefined) =>
  expect.objectContaining({ opening: expect.objectContaining({ order }) });

const idsOf = (rollouts: Rollout[]) => rollouts.map(({ opening }) => opening.rolloutId).toSorted();

/** Writes an event as an effect is written: a conflict means to read again and to decide again. */
async function insist(journal: Journal, event: RolloutEvent): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    const rollout = await journal.read(ID);
    if (rollout === undefined) throw new Error('The rollout is gone.');
    try {
      await journal.append(rollout, [event]);
      return;
    } catch (error) {
      if (!RolloutError.is(error, 'JournalConflict')) throw error;
    }
  }
  throw new Error('A thousand tries were not enough.');
}

/** Overwrites every text and number of a value, at any depth, where it is not frozen. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const record = value as Record<string, unknown>;
  for (const item of Object.values(record)) spoil(item);
  if (Object.isFrozen(value)) return;
  for (const [key, item] of Object.entries(record)) {
    if (typeof item === 'string') record[key] = 'spoiled';
    if (typeof item === 'number') record[key] = -1;
  }
  if (Array.isArray(value)) value.push('spoiled');
}
