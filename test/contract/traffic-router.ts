import { expect } from 'vitest';
import type { Observed, Raise, RaiseResult, TargetRequest, TrafficRouter } from '../../core/ports.ts';
import type { FencingToken } from '../../core/rollout/fencing-token.ts';
import type { Target } from '../../core/target.ts';
import type { Instant } from '../../core/units.ts';
import { EMPTY } from '../empty.ts';
import { atOnce, contract, type Implementation, refused } from './cases.ts';

/** What stands on the target when it is arranged by hand. A token of `null` is none. */
interface Arranged {
  primary?: string;
  weights?: Record<string, number>;
  token?: FencingToken | null;
}

/** A target whose stable version is `1`, with a published version `2` to raise and a version `3` that is a stranger. */
export interface TrafficStage {
  router: TrafficRouter;
  /** The same router in another handler: nothing that is arranged below happens to it. */
  another: TrafficRouter;
  request: TargetRequest;
  /** The same of the version that serves. */
  serving: TargetRequest;
  target: Target;
  now(): Instant;
  arrange: {
    /** Changes the target as a stranger would. */
    set(change: Arranged): void | Promise<void>;
    /** Takes the mark off by which the owner lets this service touch the target. */
    disown(): void | Promise<void>;
    /** Does something just before a write of `router` arrives: before the nth, or before every one. */
    interfere(nth: number | 'each', act: (nth: number) => unknown): void;
    /** Lets the nth write take effect, and loses its answer. */
    loseAnswer(nth: number): void;
    /** Refuses the nth write because of too many calls. */
    throttle(nth: number): void;
    /** Lets this much time pass within each read of `router`. */
    slowReads(ms: number): void;
  };
  /** The version that is pinned; undefined if none is. */
  pinOf(): Promise<string | undefined>;
  /** What stands there now, weights in percent, without asking the router. */
  standing(): Promise<Required<Arranged>>;
  /** How often `router` sent a write, refused ones included. */
  writes(): number;
  /** The largest share for a version beside the primary that was ever sent, in percent. */
  largestWeight(): number;
}

/** Something that has to be refused when a target is looked up: how it comes about, and what the refusal says. */
export interface Refusal<Stage> {
  what: string;
  /** Answers the request that is refused. */
  arrange(stage: Stage): TargetRequest | Promise<TargetRequest>;
  says: (string | RegExp)[];
}

const OURS = 'checkout--r1--1';
const THEIRS = 'checkout--r0--1';
const BY = { rolloutId: OURS, epoch: 1 };
const token = (seq: number, open = true): FencingToken => ({ ...BY, seq, open });
const theirs = (open: boolean): FencingToken => ({ rolloutId: THEIRS, epoch: 1, seq: 4, open });

/** What every router promises; each of `refusals`, which belong to the kind of target, is a case too. */
export function describeTrafficRouter<Stage extends TrafficStage>(
  implementation: Implementation<Stage>,
  refusals: Refusal<Stage>[],
): void {
  contract<Stage>('TrafficRouter', implementation, (keeps) => {
    keeps(
      'looks a target up with both versions, and writes nothing',
      async ({ router, request, target, writes }) => {
        const { target: found, timeoutSeconds } = await router.resolve(request);
        expect(found).toEqual(target);
        expect(timeoutSeconds).toBe(10);
        expect(writes()).toBe(0);
      },
    );

    keeps(
      'looks up a version that serves already: saying so is not its task',
      async ({ router, serving }) => {
        expect((await router.resolve(serving)).target).toMatchObject({
          stable: '1',
          canary: '1',
        });
      },
    );

    keeps(
      'looks a target up that an ended rollout has stamped',
      async ({ router, request, target, arrange }) => {
        await arrange.set({ token: theirs(false) });
        const { target: found } = await router.resolve(request);
        expect(found).toEqual({ ...target, revision: found.revision });
        expect(found.revision).not.toBe(target.revision);
      },
    );

    for (const { what, arrange, says } of refusals) {
      keeps(`refuses ${what}, naming the field and the fix`, async (stage) => {
        const request = await arrange(stage);
        const before = await stage.standing();
        await refused(stage.router.resolve(request), 'TargetInvalid', ...says);
        expect(await stage.standing()).toEqual(before);
        expect(stage.writes()).toBe(0);
      });
    }

    keeps('observes primary, weights in percent and token', async ({ router, target, arrange }) => {
      expect(await router.observe(target)).toEqual({ primary: '1', weights: {}, token: undefined });
      await arrange.set({ weights: { '2': 7 }, token: token(3) });
      expect(await router.observe(target)).toEqual({ primary: '1', weights: { '2': 7 }, token: token(3) });
    });

    keeps('claims with the first token, in one write that leaves traffic alone', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(0) });
      expect(stage.writes()).toBe(1);
    });

    keeps('leaves the weights of somebody else alone when it claims', async (stage) => {
      await stage.arrange.set({ primary: '3', weights: { '1': 30 } });
      await stage.router.claim(stage.target, token(0));
      expect(await stage.standing()).toEqual({ primary: '3', weights: { '1': 30 }, token: token(0) });
    });

    keeps(
      'repeats a claim at any time without a write: after itself, a raise, a takeover and the end',
      async (stage) => {
        for (const standing of [token(0), token(2), { ...token(5), epoch: 3 }, token(6, false)]) {
          await stage.arrange.set({ token: standing });
          await stage.router.claim(stage.target, token(0));
          expect((await stage.standing()).token).toEqual(standing);
        }
        expect(stage.writes()).toBe(0);
      },
    );

    keeps('repeats a claim that was never made, on what stood there at the opening', async (stage) => {
      const { target } = await stage.router.resolve(stage.request);
      await stage.router.claim(target, token(0), true);
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(0) });
    });

    keeps('does not repeat a claim where somebody wrote since the opening', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      await stage.arrange.set({ token: null });
      const writes = stage.writes();
      await refused(stage.router.claim(stage.target, token(0), true), 'TargetInvalid', OURS, /look who else/);
      expect((await stage.standing()).token).toBeNull();
      expect(stage.writes()).toBe(writes);
    });

    keeps('claims what another rollout has closed', async (stage) => {
      await stage.arrange.set({ token: theirs(false) });
      await stage.router.claim(stage.target, token(0));
      expect((await stage.standing()).token).toEqual(token(0));
    });

    keeps('refuses to claim what another rollout holds open, and says whose it is', async (stage) => {
      await stage.arrange.set({ weights: { '2': 10 }, token: theirs(true) });
      await refused(stage.router.claim(stage.target, token(0)), 'TargetInvalid', THEIRS, /wait|abort/);
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: theirs(true) });
      expect(stage.writes()).toBe(0);
    });

    keeps('refuses a claim that another rollout overtook', async (stage) => {
      stage.arrange.interfere(1, () => stage.arrange.set({ token: theirs(true) }));
      await refused(stage.router.claim(stage.target, token(0)), 'TargetInvalid', THEIRS);
      expect((await stage.standing()).token).toEqual(theirs(true));
    });

    keeps('lets one of many claims at once win', async ({ router, target, standing }) => {
      const claims = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          router.claim(target, { ...token(0), rolloutId: `checkout--r${index}--1` }),
        ),
      );
      const won = claims.findIndex(({ status }) => status === 'fulfilled');
      expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await standing()).token).toMatchObject({ rolloutId: `checkout--r${won}--1`, seq: 0 });
    });

    keeps('raises under the right token, weight and token in one write', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      const before = stage.writes();
      expect(await raise(stage, 1, 10)).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: token(1) });
      expect(stage.writes() - before).toBe(1);
    });

    keeps('raises step by step, each weight as it was asked', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      for (const [index, weight] of [1, 7, 29, 57, 99].entries()) {
        expect(await raise(stage, index + 1, weight)).toEqual({ result: 'raised' });
        expect(await stage.standing()).toEqual({
          primary: '1',
          weights: { '2': weight },
          token: token(index + 1),
        });
        expect(await stage.router.observe(stage.target)).toMatchObject({ weights: { '2': weight } });
      }
    });

    keeps('promotes by making the canary the primary, with no weights, in one write', async (stage) => {
      await prepared(stage, 50);
      expect(await raise(stage, 2, 100)).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '2', weights: {}, token: token(2) });
      expect(stage.writes()).toBe(1);
      expect(stage.largestWeight()).toBe(0);
    });

    keeps('promotes from nothing, for all at once', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      expect(await raise(stage, 1, 100)).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '2', weights: {}, token: token(1) });
      expect(stage.largestWeight()).toBe(0);
    });

    keeps(
      'takes a canary that serves alone back to a share beside stable, in one write, and raises it again',
      async (stage) => {
        await stage.arrange.set({ primary: '2', weights: {}, token: token(1) });
        expect(await raise(stage, 2, 25, { from: 100 })).toEqual({ result: 'raised' });
        expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 25 }, token: token(2) });
        expect(stage.writes()).toBe(1);
        expect(await raise(stage, 3, 100)).toEqual({ result: 'raised' });
        expect(await stage.standing()).toEqual({ primary: '2', weights: {}, token: token(3) });
      },
    );

    keeps('reverts a canary from a share to a smaller one', async (stage) => {
      await prepared(stage, 90);
      expect(await raise(stage, 2, 25)).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 25 }, token: token(2) });
    });

    keeps('calls a canary reverted whose answer was lost but whose token stands', async (stage) => {
      await stage.arrange.set({ primary: '2', weights: {}, token: token(1) });
      stage.arrange.loseAnswer(1);
      expect(await raise(stage, 2, 25, { from: 100 })).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 25 }, token: token(2) });
      expect(stage.writes()).toBe(1);
    });

    const notAlone: [string, Arranged][] = [
      ['does not serve any more', { primary: '1' }],
      ['was reverted already', { primary: '1', weights: { '2': 25 } }],
      ['serves beside a stranger', { weights: { '3': 20 } }],
      ['gave way to a stranger', { primary: '3' }],
      ['stands under an older token', { token: token(0) }],
      ['stands under a newer token', { token: token(2) }],
      ['stands under a closed token', { token: token(1, false) }],
      ['stands without a token', { token: null }],
    ];
    for (const [what, change] of notAlone) {
      keeps(`does not revert a canary that ${what}`, async (stage) => {
        await stage.arrange.set({ primary: '2', weights: {}, token: token(1) });
        await stage.arrange.set(change);
        const before = await stage.standing();
        expectFenced(await raise(stage, 2, 25, { from: 100 }));
        expect(await stage.standing()).toEqual(before);
        expect(stage.writes()).toBe(0);
      });
    }

    keeps(
      'does not revert a canary once the intent has expired, or over a writer in between',
      async (stage) => {
        await stage.arrange.set({ primary: '2', weights: {}, token: token(1) });
        expectFenced(await raise(stage, 2, 25, { from: 100, expiresAt: stage.now() - 1 }));
        expect(stage.writes()).toBe(0);
        stage.arrange.interfere(1, () => stage.another.revert(stage.target, BY));
        expectFenced(await raise(stage, 2, 25, { from: 100 }), {
          primary: '1',
          weights: {},
          token: token(2, false),
        });
        expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
      },
    );

    const wrongTokens: [string, FencingToken | null][] = [
      ['none', null],
      ['an older number', token(0)],
      ['a newer number', token(2)],
      ['another epoch', { ...token(1), epoch: 2 }],
      ['a closed one', token(1, false)],
      ["another rollout's", { ...token(1), rolloutId: THEIRS }],
    ];
    for (const [what, standing] of wrongTokens) {
      keeps(`does not raise where the token is not the expected one but ${what}`, async (stage) => {
        await prepared(stage, 10);
        await stage.arrange.set({ token: standing });
        expectFenced(await raise(stage, 2, 50), {
          primary: '1',
          weights: { '2': 10 },
          token: standing ?? undefined,
        });
        expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: standing });
        expect(stage.writes()).toBe(0);
      });
    }

    for (const share of [0, 5, 30]) {
      keeps(`does not raise from 10 % where ${share} % stand there: that was another hand`, async (stage) => {
        await prepared(stage, share);
        const before = await stage.standing();
        expectFenced(await raise(stage, 2, 50, { from: 10 }), { ...before, token: token(1) });
        expect(await stage.standing()).toEqual(before);
        expect(stage.writes()).toBe(0);
      });
    }

    const strangers: [string, Arranged][] = [
      ['a stranger’s primary', { primary: '3' }],
      ['a stranger’s weights', { weights: { '3': 20 } }],
      ['a promotion that nobody announced', { primary: '2', weights: {} }],
    ];
    for (const [what, change] of strangers) {
      keeps(`does not raise over ${what}`, async (stage) => {
        await prepared(stage, 10);
        await stage.arrange.set(change);
        const before = await stage.standing();
        expectFenced(await raise(stage, 2, 50));
        expect(await stage.standing()).toEqual(before);
        expect(stage.writes()).toBe(0);
      });
    }

    keeps('does not raise once the intent has expired', async (stage) => {
      await prepared(stage, 10);
      expectFenced(await raise(stage, 2, 50, { expiresAt: stage.now() - 1 }));
      expect(stage.writes()).toBe(0);
    });

    keeps('does not raise where the intent expires while the target is read', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.slowReads(5000);
      expectFenced(await raise(stage, 2, 50, { expiresAt: stage.now() + 4999 }));
      expect(await stage.standing()).toMatchObject({ weights: { '2': 10 }, token: token(1) });
      expect(stage.writes()).toBe(0);
    });

    keeps(
      'sends a raise once: a writer in between fences it, also one who changed nothing',
      async (stage) => {
        await prepared(stage, 10);
        stage.arrange.interfere(1, () => stage.arrange.set({}));
        expectFenced(await raise(stage, 2, 50), { primary: '1', weights: { '2': 10 }, token: token(1) });
        expect(stage.writes()).toBe(1);
        expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: token(1) });
      },
    );

    keeps('calls a raise raised whose answer was lost but whose token stands', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.loseAnswer(1);
      expect(await raise(stage, 2, 50)).toEqual({ result: 'raised' });
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 50 }, token: token(2) });
      expect(stage.writes()).toBe(1);
    });

    keeps('never repeats a throttled raise blindly', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.throttle(1);
      const outcome = await raise(stage, 2, 50).catch((error: Error) => error.name);
      expect(['fenced', 'Unavailable']).toContain(typeof outcome === 'string' ? outcome : outcome.result);
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: token(1) });
      expect(stage.writes()).toBe(1);
    });

    keeps('lets the same raise be sent again by a second handler without a second effect', async (stage) => {
      await prepared(stage, 10);
      const results = await atOnce(5, () => raise(stage, 2, 50));
      expect(results.some(({ result }) => result === 'raised')).toBe(true);
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 50 }, token: token(2) });
    });

    keeps('reverts a weight, closes the token and reads back', async (stage) => {
      await prepared(stage, 10);
      expect(await stage.router.revert(stage.target, BY)).toEqual({
        name: stage.target.name,
        primary: '1',
        changed: true,
        drifted: false,
      });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
      expect(stage.writes()).toBe(1);
    });

    keeps('reverts a promotion to the version that was serving', async (stage) => {
      await prepared(stage, 10);
      await raise(stage, 2, 100);
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({
        primary: '1',
        changed: true,
        drifted: false,
      });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(3, false) });
    });

    keeps('closes the token also where there is nothing to take out', async (stage) => {
      await stage.router.claim(stage.target, token(0));
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: false });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(1, false) });
    });

    keeps('does nothing if it was reverted before', async (stage) => {
      await prepared(stage, 10);
      await stage.another.revert(stage.target, BY);
      const before = await stage.standing();
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({
        primary: '1',
        changed: false,
        drifted: false,
      });
      expect(await stage.standing()).toEqual(before);
      expect(stage.writes()).toBe(0);
    });

    keeps('takes the canary out again that somebody put back after a revert', async (stage) => {
      await stage.arrange.set({ weights: { '2': 10 }, token: token(2, false) });
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
      expect(await stage.standing()).toMatchObject({ primary: '1', weights: EMPTY, token: { open: false } });
    });

    keeps(
      'reverts for an epoch older than the token too: the revert path outlives a takeover',
      async (stage) => {
        await stage.arrange.set({ weights: { '2': 10 }, token: { ...token(1), epoch: 3 } });
        expect(await stage.router.revert(stage.target, BY)).toMatchObject({ changed: true });
        expect(await stage.standing()).toMatchObject({
          weights: EMPTY,
          token: { rolloutId: OURS, open: false },
        });
      },
    );

    keeps('leaves a sealed target alone', async (stage) => {
      await stage.arrange.set({ primary: '2', token: token(3, false) });
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({
        primary: '2',
        changed: false,
        drifted: false,
      });
      expect(await stage.standing()).toEqual({ primary: '2', weights: {}, token: token(3, false) });
      expect(stage.writes()).toBe(0);
    });

    for (const open of [true, false]) {
      keeps(
        `leaves a target alone that another rollout has stamped ${open ? 'open' : 'closed'}`,
        async (stage) => {
          await stage.arrange.set({ weights: { '2': 10 }, token: theirs(open) });
          expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: false });
          expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: theirs(open) });
          expect(stage.writes()).toBe(0);
        },
      );
    }

    keeps(
      'takes the canary out of a target without a token that its owner gave to this service',
      async (stage) => {
        await stage.arrange.set({ weights: { '2': 10 } });
        expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
        expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(1, false) });
      },
    );

    keeps(
      'leaves a target alone that has no token and is not of this service, and says what to do',
      async (stage) => {
        await stage.arrange.set({ weights: { '2': 10 } });
        await stage.arrange.disown();
        await refused(
          stage.router.revert(stage.target, BY),
          'RevertFailed',
          stage.target.traits.noun,
          OURS,
          /by hand/,
        );
        expect(await stage.standing()).toEqual({ primary: '1', weights: { '2': 10 }, token: null });
        expect(stage.writes()).toBe(0);
      },
    );

    keeps('never overwrites a stranger’s primary, and takes our weight off it', async (stage) => {
      await stage.arrange.set({ primary: '3', weights: { '2': 10 }, token: token(1) });
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({
        primary: '3',
        changed: true,
        drifted: true,
      });
      expect(await stage.standing()).toEqual({ primary: '3', weights: {}, token: token(2, false) });
    });

    keeps('leaves a stranger’s weights as they are', async (stage) => {
      await stage.arrange.set({ weights: { '3': 20 }, token: token(1) });
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({
        primary: '1',
        drifted: false,
        foreign: { '3': 20 },
      });
      expect(await stage.standing()).toEqual({ primary: '1', weights: { '3': 20 }, token: token(2, false) });
    });

    keeps('leaves parts of a percent of a stranger’s weight as they are', async (stage) => {
      await stage.arrange.set({ weights: { '3': 12.345 }, token: token(1) });
      await stage.router.revert(stage.target, BY);
      expect(await stage.standing()).toEqual({
        primary: '1',
        weights: { '3': 12.345 },
        token: token(2, false),
      });
    });

    keeps('fights for the target when others write in between', async (stage) => {
      await prepared(stage, 10);
      for (const nth of [1, 2, 3])
        stage.arrange.interfere(nth, () => stage.arrange.set({ weights: { '2': 10 + nth } }));
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
      expect(stage.writes()).toBe(4);
    });

    keeps('keeps a stranger’s primary that comes while it fights', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.interfere(1, () => stage.arrange.set({ primary: '3' }));
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '3', drifted: true });
      expect(await stage.standing()).toMatchObject({ primary: '3', weights: EMPTY });
    });

    keeps('takes out a raise that arrives while it fights', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.interfere(1, () => stage.arrange.set({ primary: '2', weights: {}, token: token(2) }));
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(3, false) });
    });

    keeps('succeeds with its tenth write', async (stage) => {
      await prepared(stage, 10);
      for (let nth = 1; nth <= 9; nth++) stage.arrange.interfere(nth, () => stage.arrange.set({}));
      expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
      expect(stage.writes()).toBe(10);
    });

    keeps('gives up after ten writes that others were faster than, and says so', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.interfere('each', () => stage.arrange.set({}));
      await refused(
        stage.router.revert(stage.target, BY),
        'RevertFailed',
        stage.target.traits.noun,
        '10',
        /look who/,
      );
      expect(stage.writes()).toBe(10);
    });

    keeps(
      'believes what it reads back and not what was answered: a lost answer, a throttle',
      async (stage) => {
        await prepared(stage, 10);
        stage.arrange.throttle(1);
        stage.arrange.loseAnswer(2);
        expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '1', changed: true });
        expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
        expect(stage.writes()).toBe(2);
      },
    );

    keeps('stops a zombie that read before the revert and writes after it', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.interfere(1, () => stage.another.revert(stage.target, BY));
      expectFenced(await raise(stage, 2, 50), { primary: '1', weights: {}, token: token(2, false) });
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
    });

    keeps('stops a zombie that reads after the revert and has a fresh revision', async (stage) => {
      await prepared(stage, 10);
      await stage.another.revert(stage.target, BY);
      for (const [expected, weight] of [
        [1, 50],
        [2, 50],
        [1, 100],
        [2, 100],
      ] as const)
        expectFenced(await raise(stage, expected + 1, weight));
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
      expect(stage.writes()).toBe(0);
    });

    keeps('stops a zombie that was refused and reads again', async (stage) => {
      await prepared(stage, 10);
      stage.arrange.interfere('each', () => stage.another.revert(stage.target, BY));
      expectFenced(await raise(stage, 2, 100));
      expect(stage.writes()).toBe(1);
      expectFenced(await raise(stage, 2, 100));
      expectFenced(await raise(stage, 3, 100));
      expect(stage.writes()).toBe(1);
      expect(await stage.standing()).toEqual({ primary: '1', weights: {}, token: token(2, false) });
    });

    keeps(
      'seals a completed target without touching its traffic, after which nothing of this rollout acts',
      async (stage) => {
        await prepared(stage, 10);
        await raise(stage, 2, 100);
        const sealed = { primary: '2', weights: {}, token: token(3, false) };
        expect(await stage.router.closeFence(stage.target, BY)).toEqual(sealed);
        expect(await stage.standing()).toEqual(sealed);
        const before = stage.writes();
        expectFenced(await raise(stage, 3, 50));
        expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: '2', changed: false });
        expect(await stage.router.closeFence(stage.target, BY)).toEqual(sealed);
        expect(stage.writes()).toBe(before);
      },
    );

    keeps('pins stable for as long as it is asked to, without touching traffic', async (stage) => {
      const before = await stage.standing();
      expect(await stage.pinOf()).toBeUndefined();
      expect(await stage.router.pin(stage.target, OURS)).toEqual({ result: 'pinned' });
      expect(await stage.router.pin(stage.target, OURS)).toEqual({ result: 'pinned' });
      expect(await stage.pinOf()).toBe('1');
      expect(await stage.standing()).toEqual(before);
      await stage.router.unpin(stage.target, OURS);
      await stage.router.unpin(stage.target, OURS);
      expect(await stage.pinOf()).toBeUndefined();
      expect(await stage.standing()).toEqual(before);
    });

    keeps(
      'takes over a pin that another rollout has left, which that one then leaves alone',
      async (stage) => {
        await stage.another.pin({ ...stage.target, stable: '2', canary: '3' }, THEIRS);
        expect(await stage.pinOf()).toBe('2');
        expect(await stage.router.pin(stage.target, OURS)).toEqual({ result: 'pinned' });
        await stage.another.unpin(stage.target, THEIRS);
        expect(await stage.pinOf()).toBe('1');
        await stage.router.unpin(stage.target, OURS);
        expect(await stage.pinOf()).toBeUndefined();
      },
    );

    keeps('says that there is nothing to pin if the version is gone', async (stage) => {
      expect(await stage.router.pin({ ...stage.target, stable: '9' }, OURS)).toEqual({ result: 'gone' });
      expect(await stage.pinOf()).toBeUndefined();
    });

    keeps('does not seal what another rollout has stamped', async (stage) => {
      await stage.arrange.set({ primary: '2', token: theirs(true) });
      expect(await stage.router.closeFence(stage.target, BY)).toEqual({
        primary: '2',
        weights: {},
        token: theirs(true),
      });
      expect(stage.writes()).toBe(0);
    });
  });
}

/** A claimed target whose canary stands at a weight under token 1, written by another handler. */
async function prepared({ arrange }: TrafficStage, weight: number): Promise<void> {
  await arrange.set({ weights: { '2': weight }, token: token(1) });
}

async function raise(
  stage: TrafficStage,
  seq: number,
  weight: number,
  changes: Partial<Raise> = {},
): Promise<RaiseResult> {
  const expiresAt = stage.now() + 10_000;
  return stage.router.raise(stage.target, {
    expect: token(seq - 1),
    write: token(seq),
    from: (await stage.standing()).weights[stage.target.canary] ?? 0,
    weight,
    expiresAt,
    ...changes,
  });
}

function expectFenced(answer: RaiseResult, observed?: Observed): void {
  expect(answer).toMatchObject({ result: 'fenced', why: expect.stringMatching(/./) });
  if (observed !== undefined) expect(answer).toMatchObject({ observed });
}
