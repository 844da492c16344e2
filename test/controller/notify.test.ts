import { describe, expect, test } from 'vitest';
import { historyOf } from '../../controller/histories.ts';
import { notify } from '../../controller/notify.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Access } from '../../core/people/access.ts';
import type { Errand } from '../../core/people/errand.ts';
import type { Sink } from '../../core/people/notice.ts';
import type { Agenda, Journal } from '../../core/ports.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { virtualClock } from '../../local/clock.ts';
import { crashes } from '../../simulation/faults.ts';
import { memoryJournal } from '../../simulation/memory-journal.ts';
import { memoryNotes } from '../../simulation/memory-notes.ts';
import {
  closed,
  inVerify,
  onFirstStep,
  opening,
  paused,
  resumed,
  stateAfter,
} from '../core/rollout/given.ts';
import { MINUTE, type Notified, notified, ROLLOUT_ID, shownOf, TOPIC } from '../notify/stage.ts';

const BAD = { 2: { errors: 0.2 } };

/** What a thread must say of a rollout, in order. */
async function expectedOf(world: Notified): Promise<string[]> {
  const { transitions = [] } = (await world.clock.run(historyOf(ROLLOUT_ID, world.ports))) ?? {};
  return transitions.flatMap(({ kind, line, notices = [] }) =>
    kind === 'measured' || (kind === 'opened' && notices.length === 0) ? [] : [line, ...notices],
  );
}

const unescaped = (lines: string[]) =>
  lines.map((line) => line.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&'));

/** What the tokens in a text may do. */
const actionsIn = (text: string): string[] => {
  const claims = [...text.matchAll(/#[\w-]+\.([\w-]+)\.[\w-]+/g)].map(([, part = '']) =>
    String(JSON.parse(Buffer.from(part, 'base64url').toString()).action),
  );
  return [...new Set(claims)].sort();
};

async function run(world: Notified, minutes = 30): Promise<void> {
  await world.clock.run(world.run());
  await world.clock.advance(minutes * MINUTE);
}

describe('a whole rollout', () => {
  test.each([
    ['completed', {}],
    ['reverted', { canaries: BAD }],
  ])('that %s reads in Slack as it was recorded', async (outcome, more) => {
    const world = notified(more);
    const said: string[] = [];
    const from = world.clock.now() + 20 * MINUTE;
    world.slack.trouble = (method, body) => {
      const seconds = Math.round((world.clock.now() - from) / 1000);
      const what = method === 'chat.update' ? 'update' : body.thread_ts === undefined ? 'message' : 'thread';
      const [first = '', ...others] = shownOf(body);
      said.push(
        `${seconds} s, ${what}${body.reply_broadcast === true ? ' for all' : ''}: ${first}`,
        ...others,
      );
      return undefined;
    };
    await world.clock.run(world.run({ manifest: { commit: 'c3d4c3d4c3d4c3d4c3d4', author: 'ada' } }));
    await world.clock.advance(30 * MINUTE);
    await expect(`${said.join('\n')}\n`).toMatchFileSnapshot(`../notify/golden/${outcome}.txt`);
    expect(world.slack.limited).toBe(0);
  });
});

describe('each transition', () => {
  test.each(['memory', 'dynamodb'] as const)('is reported in order and once (%s)', async (journal) => {
    const world = notified({ journal, canaries: BAD });
    await run(world);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    expect(world.slack.in('#deploys').length).toBe(1);
  });

  test('is so too where events come twice, late and past each other', async () => {
    let nth = 0;
    const copies = () => [(nth++ * 7_919) % 100_000, (nth++ * 7_919) % 150_000];
    const world = notified({ copies });
    await run(world);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    expect(world.slack.in('#deploys').length).toBe(1);
  });

  test('is reported after Slack was down, and no rollout has waited for that', async () => {
    const calm = notified();
    await run(calm, 60);
    const world = notified();
    const from = world.clock.now() + 21 * MINUTE;
    world.slack.trouble = () =>
      world.clock.now() > from && world.clock.now() < from + 12 * MINUTE ? 'unreachable' : undefined;
    await run(world, 60);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    const [one, other] = await Promise.all([
      calm.journal.events(ROLLOUT_ID),
      world.journal.events(ROLLOUT_ID),
    ]);
    expect(other).toEqual(one);
  });

  test('is reported after Slack refused it for the rate, and Slack is not asked before its time', async () => {
    const world = notified();
    let limitedUntil = 0;
    const early: number[] = [];
    world.slack.trouble = (method) => {
      if (method !== 'chat.postMessage') return undefined;
      const now = world.clock.now();
      if (now < limitedUntil) early.push(now);
      if (limitedUntil > 0) return undefined;
      limitedUntil = now + 90_000;
      return { retryAfter: 90 };
    };
    await run(world);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    expect(early).toEqual([]);
  });

  test('is reported after nobody could read the journal for longer than Lambda tries', async () => {
    let isAway = false;
    const away = () => new RolloutError('Unavailable', 'The journal is away.');
    const world = notified({
      changePorts: (ports) => {
        const { eventsAfter } = ports.journal;
        const journal = {
          ...ports.journal,
          eventsAfter: (...given: Parameters<typeof eventsAfter>) =>
            isAway ? Promise.reject(away()) : eventsAfter(...given),
        };
        return { ...ports, journal };
      },
    });
    await world.clock.run(world.run());
    world.slack.trouble = () => 'down';
    await world.clock.advance(MINUTE);
    isAway = true;
    world.slack.trouble = () => undefined;
    await world.clock.advance(25 * MINUTE);
    isAway = false;
    expect(String(world.slack.in('#deploys')[0]?.content.text)).not.toContain('completed');
    await world.clock.advance(35 * MINUTE);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    expect(String(world.slack.in('#deploys')[0]?.content.text)).toContain('completed');
  });

  test('is not posted twice after a message whose line came and whose update did not', async () => {
    const world = notified();
    let nth = 0;
    world.slack.trouble = (method) => (method === 'chat.update' && ++nth % 2 === 1 ? 'down' : undefined);
    await run(world);
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    const [message] = world.slack.in('#deploys');
    expect(String(message?.content.text)).toContain('completed');
  });

  test('reaches everybody whose route asks for it', async () => {
    const posted: string[] = [];
    const notify: Access['notify'] = {
      '*': [{ slack: '#all' }, { slack: '#pages', only: 'pages' }],
      'checkout-api': [
        { slack: '#important', only: 'important' },
        { slack: '#all', only: 'pages' },
        { sns: TOPIC, only: 'important' },
        { webhook: 'https://hooks.test/rollouts' },
      ],
      other: [{ slack: '#other' }],
    };
    const world = notified({
      notify,
      canaries: BAD,
      web: {
        'hooks.test': (request) => {
          posted.push(request.headers.get('webhook-id') ?? '');
          return new Response(null);
        },
      },
    });
    await run(world);
    const { transitions = [] } = (await historyOf(ROLLOUT_ID, world.ports)) ?? {};
    expect(posted).toEqual(transitions.map(({ id }) => id));
    expect(unescaped(world.thread('#all'))).toEqual(await expectedOf(world));
    expect(unescaped(world.thread('#important')).some((line) => line.startsWith('api raised'))).toBe(false);
    expect(world.sns.published.length).toBe(
      transitions.filter(({ importance }) => importance !== 'detail').length,
    );
    expect([world.slack.in('#pages'), world.slack.in('#other')]).toEqual([[], []]);
  });

  test('carries no link that does more than its route says', async () => {
    const bodies: unknown[] = [];
    const webhook = 'https://hooks.test/rollouts';
    const world = notified({
      canaries: BAD,
      notify: {
        '*': [
          ...[
            { slack: '#none', links: 'none' as const },
            { slack: '#view', links: 'view' as const },
          ],
          ...[{ slack: '#abort' }, { sns: TOPIC }, { webhook }],
        ],
      },
      web: {
        'hooks.test': async (request) => {
          bodies.push(await request.json());
          return new Response(null);
        },
      },
    });
    const texts = { '#none': '', '#view': '', '#abort': '' };
    const channels = Object.keys(texts) as (keyof typeof texts)[];
    world.slack.trouble = (_, body) => {
      // An update has the channel's id in place of its name.
      const isOf = (channel: string) =>
        channel === body.channel || world.slack.in(channel).some(({ ts }) => ts === body.ts);
      for (const channel of channels) if (isOf(channel)) texts[channel] += JSON.stringify(body);
      return undefined;
    };
    await run(world);
    const { '#none': none, '#view': view, '#abort': abort } = texts;
    for (const text of [none, JSON.stringify(world.sns.published), JSON.stringify(bodies)]) {
      expect(text.length).toBeGreaterThan(1_000);
      expect(text).not.toMatch(/eyJ|\/link/);
    }
    expect(actionsIn(view)).toEqual(['view']);
    expect(actionsIn(abort)).toEqual(['abort', 'pause', 'view']);
  });

  test('goes to a webhook alone if that is all there is', async () => {
    const { SLACK_WEBHOOK } = await import('../../local/account.ts');
    const world = notified({ token: SLACK_WEBHOOK, canaries: BAD });
    await run(world);
    const { transitions = [] } = (await historyOf(ROLLOUT_ID, world.ports)) ?? {};
    const important = transitions.filter(({ importance }) => importance !== 'detail');
    expect(world.slack.messages.map(({ by }) => by)).toEqual(important.map(() => 'webhook'));
  });

  test('is given up after a day in which nobody took it, which is counted', async () => {
    const lost: unknown[] = [];
    const world = notified({
      changePorts: (ports) => ({
        ...ports,
        observer: { ...ports.observer, count: (counts) => void lost.push(counts) },
      }),
    });
    world.slack.trouble = () => 'down';
    await run(world, 27 * 60);
    expect(lost).toContainEqual({ NotificationsLost: 1 });
    const calls = world.slack.calls.length;
    await world.clock.advance(24 * 60 * MINUTE);
    expect(world.slack.calls.length).toBe(calls);
    expect(calls).toBeLessThan(120);
  });
});

test('what a release says of itself goes into addresses as a part of them', async () => {
  const world = notified({
    links: { '*': { commit: 'https://git.example/c/{commit}', author: 'https://git.example/{author}' } },
  });
  await world.clock.run(world.run({ manifest: { commit: 'a/../b?c#d', author: '<x>' } }));
  await world.clock.advance(MINUTE);
  const shown = JSON.stringify(world.slack.in('#deploys')[0]?.content);
  expect(shown).toContain('<https://git.example/c/a%2F..%2Fb%3Fc%23d|');
  expect(shown).toContain('<https://git.example/%3Cx%3E|&lt;x&gt;>');
});

describe('a function that dies', () => {
  const points = Array.from({ length: 36 }, (_, index) => index + 1);
  test.each(points)('at its call %s loses nothing', async (dying) => {
    let calls = 0;
    let hasDied = false;
    const { around, intercept, changePorts } = crashes(({ fn, phase }) => {
      if (fn !== 'Notify' || phase !== 'after' || hasDied) return false;
      calls += 1;
      hasDied = calls === dying;
      return hasDied;
    });
    const world = notified({ journal: 'dynamodb', canaries: BAD, around, intercept, changePorts });
    await run(world);
    expect(hasDied).toBe(true);
    const thread = unescaped(world.thread());
    const expected = await expectedOf(world);
    // What was posted just before it died may come again; it could not know.
    expect(thread.filter((line, at) => thread.indexOf(line) === at)).toEqual(expected);
    expect(String(world.slack.in('#deploys').at(-1)?.content.text)).toContain('reverted');
  });
});

describe('of several that start at once', () => {
  test('one delivers', async () => {
    const world = notified();
    world.slack.trouble = () => 'down';
    await world.clock.run(world.run());
    world.slack.trouble = () => undefined;
    await world.clock.run(Promise.all([world.wake(), world.wake(), world.wake()]));
    expect(unescaped(world.thread())).toEqual(await expectedOf(world));
    expect(world.slack.in('#deploys').length).toBe(1);
  });

  test('none puts off what another one has arranged for earlier', async () => {
    const first = Promise.withResolvers<void>();
    const arranged: number[] = [];
    const at = await alone({
      deliver: async function* ({ notices }) {
        await first.promise;
        if (notices.length > 0) throw new Error('Nobody answers.');
        yield {};
      },
      // The first call takes effect after all others.
      wake: async (_, moment) => {
        if (arranged.length === 0) {
          arranged.push(Number.NaN);
          first.resolve();
          await new Promise((resolve) => setImmediate(resolve));
        }
        arranged.push(moment);
      },
    });
    await Promise.all([at.notify(), at.notify()]);
    expect(arranged.at(-1)).toBe(at.now + MINUTE);
    expect(Math.max(...arranged.slice(1))).toBeGreaterThan(at.now + MINUTE);
  });
});

/** A rollout in a journal in memory whose clocks disagreed, one sink, and nobody else. */
async function alone(given: {
  deliver: Sink['deliver'];
  wake?: Agenda['wake'];
  journal?: Partial<Journal>;
  events?: RolloutEvent[];
}) {
  const clock = virtualClock();
  const journal = memoryJournal();
  const { events = [...inVerify(), paused(20), resumed(2), closed(30, 'completed')] } = given;
  const [opened, ...rest] = events;
  const { rolloutId } = opening();
  const written = await journal.open([opened as RolloutEvent]);
  if (written.result !== 'opened') throw new Error('It was not opened.');
  await journal.append(written.rollout, rest);
  const ports = {
    ...{ clock, journal: Object.assign(journal, given.journal), notes: memoryNotes(), publicUrl: undefined },
    access: { groups: {}, people: {}, believedSessions: [], notify: { '*': [{ slack: '#deploys' }] } },
    agenda: { wake: given.wake ?? (async () => {}) },
    observer: { count: () => {}, log: () => {}, warn: () => {} },
    tokens: { sign: async () => '', read: async () => ({}) },
    sinks: async () => ({ key: 'sink', deliver: given.deliver }),
  };
  return {
    ...{ clock, rolloutId, now: clock.now() },
    notify: (more: Partial<Errand> = {}) => notify({ rolloutId, ...more }, ports),
  };
}

test('what comes after something is delivered after it, whatever the clocks of those who wrote it say', async () => {
  const took: number[] = [];
  let isDown = true;
  const { notify } = await alone({
    deliver: async function* ({ notices }) {
      for (const notice of notices) {
        if (isDown && took.length === 6) throw new Error('Nobody answers.');
        took.push(notice.n);
        yield { upTo: notice };
      }
    },
  });
  await notify();
  isDown = false;
  await notify();
  expect(took).toEqual([...new Set(took)].sort((a, b) => a - b));
});

test('a death for which the journal could not be read is put on the agenda with all that is known of it', async () => {
  const said: string[] = [];
  const errands: Errand[] = [];
  let isAway = true;
  const { rolloutId, notify } = await alone({
    events: onFirstStep(),
    deliver: async function* ({ notices }) {
      said.push(...notices.map(({ line }) => line));
      yield {};
    },
    wake: async (errand) => void errands.push(errand),
    journal: {
      read: async () => {
        if (isAway) throw new RolloutError('Unavailable', 'The journal is away.');
        return stateAfter(onFirstStep());
      },
    },
  });
  const died = { rolloutId, epoch: 1, name: `${rolloutId}-1`, how: 'ABORTED' };
  await notify({ died });
  expect(errands).toEqual([{ rolloutId, died, tries: 1 }]);
  isAway = false;
  await notify(errands[0]);
  expect(said.at(-1)).toMatch(/^its execution ended ABORTED/);
});

test('a sink that is away is tried again as soon where there is much news meanwhile', async () => {
  const arranged: number[] = [];
  const { clock, notify } = await alone({
    deliver: async function* ({ notices }) {
      if (notices.length > 0) throw new Error('Nobody answers.');
      yield {};
    },
    wake: async (_, at) => void arranged.push(at),
  });
  for (const pause of [1, 2, 5]) {
    for (let times = 0; times < 5; times++) await notify();
    expect(arranged.at(-1)).toBe(clock.now() + pause * MINUTE);
    await clock.advance(pause * MINUTE);
  }
});

test('a route for which there is nothing to post with is counted as lost', async () => {
  const lost: unknown[] = [];
  const world = notified({
    token: '',
    changePorts: (ports) => ({
      ...ports,
      observer: { ...ports.observer, count: (counts) => void lost.push(counts) },
    }),
  });
  await world.clock.run(world.run());
  expect(lost).toContainEqual({ NotificationsLost: 1 });
});

test('nobody who is to be notified costs nothing', async () => {
  const world = notified({ notify: {} });
  await run(world);
  expect(await world.clock.run(world.wake())).toEqual({ delivered: [] });
  expect(world.slack.calls).toEqual([]);
});
