import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import type { Access } from '../../core/people/access.ts';
import { linkActor } from '../../core/people/link.ts';
import type { Transition } from '../../core/people/transition.ts';
import type { Actor } from '../../core/rollout/actor.ts';
import { SLACK_TOKEN } from '../../local/account.ts';
import { type Case, caseOf } from '../../simulation/case.ts';
import { byLink, bySlack, HUMANS } from '../../simulation/people.ts';
import { playCase } from '../../simulation/play.ts';
import { waitedForVoices } from '../../simulation/seed.ts';
import { aborted, actor, minute, onFirstStep, proven } from '../core/rollout/given.ts';
import { runOf } from './handmade.ts';
import { journals, writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, ROLLOUT_ID, SHORT, type Stage } from './stage.ts';

const ACCESS: Access = {
  ...{ groups: {}, people: {}, believedSessions: [], slack: { teams: ['T1'], appId: 'A1' } },
  roles: { '*': { operator: ['slack:T1/UBEN'], approver: ['slack:T1/UBEN'] } },
  notify: { '*': [{ slack: '#deploys' }] },
};

/** A short rollout that is reported to a channel of Slack, with a bug in the ports. */
const reported = (plot: Plot, bug: (ports: Ports, stage: () => Stage) => Ports = (ports) => ports) => {
  let stage: Stage | undefined;
  return play({
    ...{ hours: 3, rollout: SHORT, access: ACCESS, humans: HUMANS },
    settings: { PUBLIC_URL: 'https://api.example' },
    secrets: { SlackToken: SLACK_TOKEN },
    ...plot,
    before: (on) => {
      stage = on;
    },
    changePorts: (ports) => bug(ports, () => stage as Stage),
  });
};

const announcing = (change: (transitions: Transition[]) => Transition[]) => (ports: Ports) => ({
  ...ports,
  announcer: { announce: (transitions: Transition[]) => ports.announcer.announce(change(transitions)) },
});

/** A bug: a receiver leaves out some of what it is to say. */
const leaving =
  (isSaid: (kind: string) => boolean) =>
  (ports: Ports): Ports => ({
    ...ports,
    sinks: async (route) => {
      const sink = await ports.sinks(route);
      return (
        sink && {
          key: sink.key,
          deliver: (news, memo) =>
            sink.deliver({ ...news, notices: news.notices.filter(({ kind }) => isSaid(kind)) }, memo),
        }
      );
    },
  });

/** A bug: what was written down of it is forgotten. */
const forgetting =
  (name: string) =>
  (ports: Ports): Ports => ({
    ...ports,
    notes: {
      change: async (about, note, how) =>
        note.startsWith(name) ? how(undefined) : ports.notes.change(about, note, how),
    },
  });

describe('what is reported', () => {
  test('breaks no promise as it is', async () => {
    const { run } = await reported({});
    expect(faults(run)).toEqual([]);
    expect(run.said.filter(({ to }) => to === 'slack #deploys').length).toBeGreaterThan(8);
  });

  test.each<[string, (ports: Ports) => Ports]>([
    ['is not announced', announcing((all) => all.filter(({ kind }) => kind !== 'promoted'))],
    [
      'is announced as a detail',
      announcing((all) => all.map((each) => ({ ...each, importance: 'detail' as const }))),
    ],
    [
      'is announced late',
      announcing((all) => all.map((each) => ({ ...each, id: `${ROLLOUT_ID}#${100 - each.n}` }))),
    ],
    ['is left out by a receiver', leaving((kind) => kind !== 'raised')],
    ['is kept back from the end by a receiver', leaving((kind) => kind !== 'completed')],
  ])('is missed if it %s', async (_, bug) => {
    const { run } = await reported({}, bug);
    expect(broken(run)).toContain('everyTransitionTold');
  });

  test.each([
    ['throws each time', 1, new TypeError('x is undefined')],
    ['is killed each time', 0, Object.assign(new Error('out of memory'), { name: 'Runtime.OutOfMemory' })],
  ])('is missed, or pages somebody, if what reports it %s', async (_, count, error) => {
    const { run } = await reported({
      hours: 1,
      around: async (name, event, call) => {
        if (name === 'Notify') throw error;
        return call(event);
      },
    });
    expect(broken(run)).toEqual(count === 0 ? [] : ['everyTransitionTold']);
  });

  test.each(['ANNOUNCED', 'SINK'])('is heard again if the note %s is forgotten', async (name) => {
    const { run } = await reported({}, forgetting(name));
    expect(broken(run)).toContain('toldOnceEach');
  });

  test('is heard again without blame if its answer was lost', async () => {
    const { run, stage } = await reported({
      act: async ({ slack, saw }) => {
        await saw('Promoted');
        let isFirst = true;
        slack.trouble = (method) => {
          if (method !== 'chat.postMessage' || !isFirst) return undefined;
          isFirst = false;
          return 'lost';
        };
      },
    });
    const said = stage.slack.messages.map(({ content }) => String(content.text));
    expect(said.length).toBeGreaterThan(new Set(said).size);
    expect(faults(run)).toEqual([]);
  });

  test('keeps a rollout waiting if it is said on its path', async () => {
    const { run } = await reported({}, (ports, stage) =>
      journals(ports, (journal) => ({
        append: async (...given) => {
          const body = JSON.stringify({ channel: '#deploys', text: 'raised' });
          await stage().fetch('https://slack.com/api/chat.postMessage', { method: 'POST', body });
          return journal.append(...given);
        },
      })),
    );
    expect(broken(run)).toContain('nothingWaitsForVoices');
  });

  test('changes nothing of a rollout, which is seen in a world where receivers never fail', async () => {
    const reporting = {
      routes: [{ slack: '#deploys' }],
      isByWebhook: false,
      isNamed: false,
      isCompared: true,
    };
    const it: Case = { ...caseOf(3, []), reporting };
    const played = await playCase(it);
    expect(await waitedForVoices(it, played)).toEqual([]);
    const [first = ''] = Object.keys(played.run.histories);
    const histories = { ...played.run.histories, [first]: played.run.histories[first]?.slice(1) ?? [] };
    expect(await waitedForVoices(it, { ...played, run: { ...played.run, histories } })).toMatchObject([
      { promise: 'nothingWaitsForVoices' },
    ]);
  });
});

describe('a link', () => {
  /** Pauses by a link, lets somebody resume, and presses the link again. */
  const pressedTwice: Plot = {
    act: async (stage) => {
      const press = byLink(
        stage,
        { command: 'pause', rolloutId: ROLLOUT_ID } as never,
        stage.clock.now() + 60 * MINUTE,
      );
      await stage.saw('Shifted');
      await press();
      await stage.command({ command: 'resume', rolloutId: ROLLOUT_ID, by: proven('ada') });
      await press();
    },
  };

  test('pauses once', async () => {
    const { run, events } = await reported(pressedTwice);
    expect(events.filter(({ type }) => type === 'Paused')).toHaveLength(1);
    expect(faults(run)).toEqual([]);
  });

  test('that the journal forgets pauses again', async () => {
    const { run } = await reported(pressedTwice, (ports) =>
      journals(ports, (journal) => ({
        used: async () => undefined,
        append: (rollout, events) => journal.append(rollout, events),
      })),
    );
    expect(broken(run)).toContain('linksOnlyStop');
  });

  test('promotes nothing', async () => {
    const by = linkActor({ rolloutId: ROLLOUT_ID, action: 'pause', jti: 'x' });
    const { run } = await reported({
      act: async (stage) => {
        await stage.saw('Shifted');
        await stage.command({ command: 'promote', full: false, rolloutId: ROLLOUT_ID, by });
      },
    });
    expect(broken(run)).toContain('linksOnlyStop');
  });
});

describe('whoever gives a command', () => {
  const pausing: Plot = {
    act: async (stage) => {
      await stage.saw('Shifted');
      await stage
        .command({ command: 'pause', rolloutId: ROLLOUT_ID, by: proven('ada'), reason: 'odd' })
        .catch(() => {});
    },
  };

  test('is not answered that it was accepted if it was not', async () => {
    const { run } = await reported(
      pausing,
      writing((event) => (event.type === 'Paused' ? [] : event)),
    );
    expect(broken(run)).toContain('answersAreTrue');
  });

  test('is not answered that it was refused if it was not', async () => {
    const { run } = await reported({
      ...pausing,
      around: async (name, event, call) => {
        const answer = await call(event);
        if (name === 'Command') throw Object.assign(new Error('no'), { name: 'CommandRefused' });
        return answer;
      },
    });
    expect(broken(run)).toContain('answersAreTrue');
  });

  test('is not answered in Slack that it was accepted if it was not', async () => {
    const pressing: Plot = {
      act: async (stage) => {
        await stage.saw('Paused');
        await bySlack(stage, { command: 'pause', rolloutId: ROLLOUT_ID } as never, '1')();
      },
    };
    const paused: Plot = {
      ...pressing,
      act: async (stage) => {
        const pressed = pressing.act?.(stage);
        await pausing.act?.(stage);
        await pressed;
        await stage.clock.sleep(MINUTE);
        await stage.command({ command: 'resume', rolloutId: ROLLOUT_ID, by: proven('ada') });
      },
    };
    const real = await reported(paused);
    expect(real.run.replies.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Your pause of .* was refused/),
    ]);
    expect(faults(real.run)).toEqual([]);
    const { run } = await reported(paused, (ports) => ({
      ...ports,
      commands: {
        give: (request) => ports.commands.give(request).catch(() => ({ rolloutId: request.rolloutId })),
      },
    }));
    expect(broken(run)).toContain('answersAreTrue');
  });

  test('is not told that a rollout goes on that somebody has aborted', () => {
    const at = minute(2);
    const ordered = { type: 'PromotionOrdered' as const, at, by: actor('ben'), full: false };
    const command = {
      rolloutId: runOf(onFirstStep()).heads[0]?.opening.rolloutId ?? '',
      at,
      provenBy: 'ben',
    };
    const accepted = { ...command, does: 'promote', acceptedAt: at, answeredAt: at };
    expect(broken(runOf([...onFirstStep(), ordered, aborted(2)], { commands: [accepted] }))).not.toContain(
      'answersAreTrue',
    );
    expect(broken(runOf([...onFirstStep(), aborted(2), ordered], { commands: [accepted] }))).toContain(
      'answersAreTrue',
    );
  });
});

test('a person who comes two ways is two to a gate that tells them apart by their ids alone', async () => {
  const gates = [{ before: 50, approvers: 2, timeout: '5m' }];
  const ben: Actor = { id: 'arn:aws:iam::111122223333:user/ben', name: 'ben', via: 'iam', isVerified: true };
  const approving: Plot = {
    rollout: { ...SHORT, gates },
    act: async (stage) => {
      await stage.saw('GateOpened');
      const approval = { command: 'approve', gate: 50, rolloutId: ROLLOUT_ID } as const;
      await stage.command({ ...approval, by: ben });
      await bySlack(stage, approval as never, '1')();
    },
  };
  const real = await reported(approving);
  expect(real.events.filter(({ type }) => type === 'Approved')).toHaveLength(2);
  expect(faults(real.run)).toEqual([]);
  expect(real.rollout?.outcome).toBe('reverted');
  const { run } = await reported(
    approving,
    writing((event) => (event.type === 'Approved' ? { ...event, by: { ...event.by, via: 'iam' } } : event)),
  );
  expect(broken(run)).toContain('gatesHeld');
});
