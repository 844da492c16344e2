import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Client } from '../../client/client.ts';
import type { Actor } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { RolloutView } from '../../core/rollout/view.ts';
import { ALIAS } from '../../local/account.ts';
import type { World } from '../../local/world.ts';
import { FUNCTION, ID, manifestOf, SERVICE } from '../api/stage.ts';
import { proven } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { contract, type Implementation, refused } from './cases.ts';

/** A client, and the world whose controller it talks to: function `checkout-prod-Api` serves version 7, and version 8 is published. Nobody calls it, so that a rollout stays at its first step. */
interface ClientStage {
  client: Client;
  world: World;
  /** Who gives its commands, as the journal then has it, and what sentences call them. */
  by: Partial<Actor>;
  name: string;
}

/** What every client promises, wherever its controller is. */
export function describeClient(implementation: Implementation<ClientStage>): void {
  contract<ClientStage>('Client', implementation, (keeps) => {
    keeps('says which controller it talks to', async ({ client }) => {
      expect(await client.about()).toMatchObject({ environment: 'production', bucket: 'releases' });
    });

    keeps('knows nothing of what was never opened', async ({ client }) => {
      expect(await client.running()).toEqual([]);
      expect(await client.recent({ service: SERVICE })).toEqual([]);
      expect(await client.service(SERVICE)).toEqual({});
      expect(await client.rollout(ID)).toEqual({});
      expect(await client.events(ID, 0)).toEqual({ events: [] });
    });

    keeps('uploads an object once, and says how far it is', async ({ client }) => {
      const body = new TextEncoder().encode('hello');
      const progress: number[][] = [];
      const key = `releases/${SERVICE}/r 1/notes.txt`;
      expect(await client.upload(key, body, (...all) => progress.push(all))).toMatch(/./);
      expect(progress).toEqual([
        [0, 5],
        [5, 5],
      ]);
      await expect(client.upload(key, body, () => {})).rejects.toMatchObject({ name: 'PreconditionFailed' });
    });

    keeps('shows a rollout, and its events page by page', async ({ client }) => {
      const view = await released(client);
      expect(view).toMatchObject({ schema: 1, opening: { rolloutId: ID }, weights: { api: 10 }, step: 0 });
      const read: RolloutEvent[] = [];
      while (read.length < view.version) {
        const page = await client.events(ID, read.length, 2);
        expect(page.events.length).toBeLessThanOrEqual(2);
        expect(page.version).toBeGreaterThanOrEqual(view.version);
        read.push(...page.events);
      }
      const whole = await client.events(ID, 0);
      expect(whole.events.slice(0, read.length)).toEqual(read);
      expect(read.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['RolloutOpened', 'ShiftIntended', 'Shifted']),
      );
    });

    keeps('lists what is under way, and what was, the newest first', async ({ client }) => {
      await released(client);
      expect(await client.running()).toMatchObject([{ opening: { rolloutId: ID }, weights: { api: 10 } }]);
      await client.command({ command: 'abort', rolloutId: ID, by: 'ada', reason: 'odd' });
      await ended(client, ID);
      expect(await client.running()).toEqual([]);
      // The artifacts of a release that was reverted are refused.
      await upload(client, 'r2');
      await until(
        () => client.rollout(`${SERVICE}--r2--1`),
        ({ view }) => view !== undefined,
      );
      const recent = await client.recent({ service: SERVICE });
      expect(recent.map(({ opening, outcome }) => [opening.release, outcome])).toEqual([
        ['r2', 'refused'],
        ['r1', 'reverted'],
      ]);
      expect(recent[1]?.state).toMatch(/^r1 reverted: /);
      expect(await client.recent({ service: SERVICE, limit: 1 })).toHaveLength(1);
      const before = recent[0]?.opening.rolloutId;
      expect(await client.recent({ service: SERVICE, before })).toMatchObject([{ outcome: 'reverted' }]);
    });

    keeps('says of a release in the queue what it waits for', async ({ client }) => {
      await released(client);
      await upload(client, 'r2');
      const id = `${SERVICE}--r2--1`;
      const { waitsFor } = await until(
        () => client.rollout(id),
        ({ waitsFor }) => waitsFor !== undefined,
      );
      expect(waitsFor).toEqual([ID]);
      expect(await client.events(id, 0)).toEqual({ events: [], waitsFor: [ID] });
      expect(await client.service(SERVICE)).toMatchObject({ waiting: { release: 'r2' } });
    });

    keeps('pauses, resumes and aborts in the name of who orders it', async ({ client, world, by, name }) => {
      await released(client);
      const order = { rolloutId: ID, by: 'ada' };
      expect(await client.command({ ...order, command: 'pause', reason: 'lunch' })).toMatchObject({
        rolloutId: ID,
      });
      expect(await seen(client, ID)).toMatchObject({
        isPaused: true,
        pause: { by, reason: 'lunch' },
      });
      await client.command({ ...order, command: 'resume' });
      expect(await seen(client, ID)).toMatchObject({ isPaused: false });
      await client.command({ ...order, command: 'abort', reason: 'odd' });
      expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
      const view = await ended(client, ID);
      expect(view).toMatchObject({
        outcome: 'reverted',
        state: expect.stringContaining(`${name} aborted: odd`),
      });
      expect((await client.events(ID, view.version)).ended).toBe(view.state);
    });

    keeps('retries a release that was reverted, and answers the new rollout', async ({ client }) => {
      await released(client);
      await client.command({ command: 'abort', rolloutId: ID, by: 'ada', reason: 'odd' });
      await ended(client, ID);
      const again = await client.command({ command: 'retry', rolloutId: ID, by: 'ada' });
      expect(again).toMatchObject({ rolloutId: `${SERVICE}--r1--2` });
    });

    keeps('approves gates, promotes, and rolls back what has completed', async ({ client, world, by }) => {
      const gates = [{ before: 100, timeout: '1h', onTimeout: 'revert' }];
      await released(client, 'r1', { gates, verify: '0s' });
      const order = { rolloutId: ID, by: 'ada' };
      await client.command({ ...order, command: 'promote', full: true });
      const held = await until(
        () => seen(client, ID),
        ({ gates }) => gates[0]?.until !== undefined,
      );
      expect(held.gates).toMatchObject([{ before: 100, approvers: 1, approvedBy: [] }]);
      const approval = { rolloutId: ID, command: 'approve', gate: 100 } as const;
      if (by.isVerified === false) {
        // Whoever calls Command itself proves nothing, so nothing of that client counts at a gate.
        await refused(client.command({ ...order, ...approval }), 'CommandRefused', 'proven identities');
        await world.command({ ...approval, by: proven('ada') });
      } else await client.command({ ...order, ...approval });
      expect(await ended(client, ID)).toMatchObject({ outcome: 'completed', weights: { api: 100 } });
      const back = await client.command({ ...order, command: 'rollback', reason: 'odd' });
      expect(await ended(client, back.rolloutId)).toMatchObject({
        opening: { by },
        outcome: 'completed',
      });
      expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
    });

    keeps('promotes past a step only if the rollout is on it', async ({ client }) => {
      await released(client);
      const order = { command: 'promote', rolloutId: ID, by: 'ada', full: false } as const;
      await refused(client.command({ ...order, step: 5 }), 'CommandRefused');
      expect(await client.command({ ...order, step: 0 })).toMatchObject({ rolloutId: ID });
    });

    keeps('gives the refusals of the controller in its own words', async ({ client }) => {
      for (const command of ['pause', 'abort', 'rollback'] as const)
        await refused(
          client.command({ command, rolloutId: ID, by: 'ada', reason: 'odd' }),
          'RolloutUnknown',
          ID,
        );
      await released(client);
      const gate = { command: 'approve', rolloutId: ID, by: 'ada', gate: 77 } as const;
      await refused(client.command(gate), 'CommandRefused');
    });

    keeps(
      'takes a canary out past the controller, in the name of who orders it',
      async ({ client, world }) => {
        await refused(client.revertDirectly(ID, 'ada'), 'RolloutUnknown', ID);
        await released(client);
        expect(await client.revertDirectly(ID, 'Grace Hopper')).toEqual(['api: version 7 serves']);
        expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
        expect((await ended(client, ID)).state).toContain('Grace Hopper aborted without the journal');
      },
    );

    keeps(
      'names a target of a kind that it does not know, and reverts the others',
      async ({ client, world }) => {
        await released(client);
        const frozen = await world.ports.watchdog.frozen(ID);
        if (frozen?.targets[0] === undefined) throw new Error('Nobody watches it.');
        const site = { ...frozen.targets[0], name: 'site', kind: 'unheard-of' };
        await world.ports.watchdog.arm({ ...frozen, targets: [site, ...frozen.targets] });
        await refused(
          client.revertDirectly(ID, 'ada'),
          'RevertFailed',
          /site: .*no kind "unheard-of".*; api: version 7 serves/,
        );
        expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
      },
    );
  });
}

/** Asks again until the answer is as it has to become. */
async function until<Answer>(ask: () => Promise<Answer>, isSo: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    await sleep(10);
  }
}

async function seen(client: Client, rolloutId: string): Promise<RolloutView> {
  const { view } = await client.rollout(rolloutId);
  if (view === undefined) throw new Error(`${rolloutId} is not there.`);
  return view;
}

const ended = (client: Client, rolloutId: string) =>
  until(
    () => seen(client, rolloutId),
    ({ outcome }) => outcome !== undefined,
  );

async function upload(client: Client, release: string, more: object = {}): Promise<void> {
  const { key, manifest } = manifestOf(release, more);
  await client.upload(key, new TextEncoder().encode(JSON.stringify(manifest)), () => {});
}

/** Uploads a release, and waits until its canary has traffic. */
async function released(client: Client, release = 'r1', more: object = {}): Promise<RolloutView> {
  await upload(client, release, more);
  const { view } = await until(
    () => client.rollout(`${SERVICE}--${release}--1`),
    ({ view }) => view !== undefined && (view.outcome !== undefined || view.weights.api === 10),
  );
  if (view?.outcome !== undefined || view === undefined) throw new Error(view?.state);
  return view;
}
