import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../core/rollout/actor.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { Gate, RolloutEvent } from '../../../core/rollout/event.ts';
import { assertGroups, whoMay, whyAuthor } from '../../../core/rollout/gate.ts';
import { PAUSE_SECONDS_MAX } from '../../../core/rollout/timing.ts';
import { storyteller, viewOf } from '../../../core/rollout/view.ts';
import { thrownBy } from '../config/files.ts';
import {
  actor,
  directiveAt,
  given,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  promotionOrdered,
  proven,
  ROLLOUT_ID,
  stateAfter,
} from './given.ts';

const gateOf = (more: Partial<Gate> = {}): Gate => ({
  ...{ before: 50, approvers: 2, by: [], timeoutSeconds: 36_000, onTimeout: 'revert' },
  ...more,
});
const gateOpened: RolloutEvent = { type: 'GateOpened', at: minute(4), gate: 50, until: minute(604) };
const waiting = (more: Partial<Gate> = {}, opening: object = {}): RolloutEvent[] => [
  ...onFirstStep({ gates: [gateOf(more)], ...opening }),
  measured('pass', [1, 3]),
  gateOpened,
];
const approval = (by: Actor, at = 5): RolloutEvent => ({ type: 'Approved', at: minute(at), gate: 50, by });
const approve = (by: Actor, more: object = {}): Command => ({ type: 'Approve', by, gate: 50, ...more });
const reject = (by: Actor, more: object = {}): Command => ({
  ...{ type: 'Reject', by, gate: 50, reason: 'the search is slow' },
  ...more,
});
const rejected = (by: Actor, at = 5): RolloutEvent => ({
  ...{ type: 'Rejected', at: minute(at), gate: 50, by, reason: 'the search is slow' },
});
const SAID = 'ada rejected the gate before 50 %: the search is slow';
const paused = (by: Actor, at = 5, reason = SAID): RolloutEvent => ({
  ...{
    type: 'Paused',
    at: minute(at),
    by,
    reason,
    until: minute(at) + PAUSE_SECONDS_MAX * 1000,
    why: 'human',
  },
});

/** The kinds of events that a command writes. */
const wrote = (command: Command, history: RolloutEvent[]): string[] =>
  decide(stateAfter(history), command, minute(5)).map(({ type }) => type);

const slack = (name: string): Actor => ({ id: 'slack:T1/U1', name, via: 'slack', isVerified: true });

describe('the word of somebody', () => {
  test('who is not proven counts at no gate, and the refusal says what would', () => {
    for (const [what, command] of [
      ['approval', approve],
      ['rejection', reject],
    ] as const)
      given(waiting({ by: ['ada'] }))
        .when(command(actor('ada')), 5)
        .thenRefused(
          'CommandRefused',
          `The ${what} of the gate before 50 % of ${ROLLOUT_ID} does not count: ada is what the caller said, and a gate counts proven identities only: ${command(actor('ada')).type.toLowerCase()} in Slack, or by "spillway ${command(actor('ada')).type.toLowerCase()} ${ROLLOUT_ID} --gate 50" with the right to call the API (docs/deploy.md#who-may-call-the-api).`,
        );
  });

  test.each<[string, Partial<Gate>, Command]>([
    ['anybody where nobody is named', {}, approve(slack('eve'))],
    ['a person of the settings', { by: ['ada'] }, approve({ ...slack('x'), person: 'ada' })],
    ['a user of IAM by name', { by: ['ada'] }, approve(proven('ada'))],
    ['a user of IAM by ARN', { by: ['arn:aws:iam::1:user/ada'] }, approve(proven('ada'))],
    [
      'a session whose name is believed',
      { by: ['ada@x'] },
      approve({ ...proven('ada'), id: 'arn:aws:sts::1:assumed-role/Lead/ada@x' }),
    ],
    ['a mail address', { by: ['ada@shop.example'] }, approve(slack('x'), { aka: ['mail:ada@shop.example'] })],
    ['an identity', { by: ['slack:T1/U1'] }, approve(slack('x'))],
    ['a member of a group', { from: ['ops', 'leads'] }, approve(slack('x'), { groups: ['leads'] })],
    [
      'a member of a group beside names',
      { by: ['joan'], from: ['leads'] },
      approve(slack('x'), { groups: ['leads'] }),
    ],
    ['a name beside groups', { by: ['ada'], from: ['leads'] }, approve(proven('ada'), { groups: [] })],
  ])('counts of %s', (_, gate, command) => {
    given(waiting(gate))
      .when(command, 5)
      .then(approval((command as { by: Actor }).by));
    expect(wrote({ ...command, type: 'Reject', reason: 'no' } as Command, waiting(gate))).toContain(
      'Rejected',
    );
  });

  test.each<[string, Partial<Gate>, Command, string]>([
    ['who calls himself so in Slack', { by: ['ada'] }, approve(slack('ada')), 'ada may not: ada may'],
    ['whom no list has', { by: ['grace', 'joan'] }, approve(proven('ada')), 'ada may not: grace, joan may'],
    [
      'in another group',
      { from: ['leads', 'ops'] },
      approve(proven('ada'), { groups: ['all'] }),
      'ada may not: anybody in leads or ops may',
    ],
    [
      'in no group',
      { by: ['grace'], from: ['leads'] },
      approve(proven('ada')),
      'ada may not: grace, or anybody in leads may',
    ],
    [
      'who is called like a group',
      { from: ['ada'] },
      approve(proven('ada')),
      'ada may not: anybody in ada may',
    ],
  ])('does not count of somebody %s', (_, gate, command, why) => {
    for (const type of ['Approve', 'Reject'] as const)
      given(waiting(gate))
        .when({ ...command, type, reason: 'no' } as Command, 5)
        .thenRefused('CommandRefused', new RegExp(`does not count: ${why}\\.$`));
  });

  test('is one voice, whatever ways it came', () => {
    const [one, other] = [
      { ...proven('ada'), person: 'ada' },
      { ...slack('a'), person: 'ada' },
    ];
    const once = [...waiting(), approval(one)];
    given(once).when(approve(other), 6).thenNothing();
    const another = { ...slack('a'), person: 'bob' };
    given(once).when(approve(another), 6).then(approval(another, 6));
    expect(directiveAt(5, once, measured('pass', [1, 4])).kind).toBe('hold');
    // Nobody knows whether this one is Ada as well.
    expect(directiveAt(5, once, measured('pass', [1, 4]), approval(slack('a'))).kind).toBe('hold');
    expect(directiveAt(5, once, measured('pass', [1, 4]), approval(another)).kind).toBe('shift');
  });
});

describe('a gate that does not count the author', () => {
  const author = 'Ada Lovelace <ada@shop.example>';
  const gate = { notAuthor: true } as const;

  test.each<[string, Command]>([
    ['by a mail address', approve(slack('x'), { aka: ['mail:ADA@shop.example'] })],
    ['by the name that is shown', approve(slack('ada lovelace'))],
    ['by person', approve({ ...slack('x'), person: 'Ada Lovelace' })],
  ])('knows one %s', (_, command) => {
    given(waiting(gate, { author }))
      .when(command, 5)
      .thenRefused('CommandRefused', /is the author of the release, and this gate asks others/);
    given(waiting({}, { author }))
      .when(command, 5)
      .then(approval((command as { by: Actor }).by));
  });

  test.each<[string, Actor]>([
    ['an account of Slack', slack('x')],
    ['a role', { id: 'arn:aws:sts::1:assumed-role/Lead', via: 'iam', isVerified: true }],
  ])(
    'does not count %s that nobody can tell from the author, unless the settings name the person',
    (_, by) => {
      given(waiting(gate, { author }))
        .when(approve(by), 5)
        .thenRefused('CommandRefused', /nobody can tell that it is not the author.*access\.people/);
      const known = { ...by, person: 'grace' };
      given(waiting(gate, { author })).when(approve(known), 5).then(approval(known));
    },
  );

  test('lets the author reject, and others approve', () => {
    expect(wrote(reject(slack('Ada Lovelace')), waiting(gate, { author }))).toContain('Rejected');
    given(waiting(gate, { author }))
      .when(approve(proven('grace')), 5)
      .then(approval(proven('grace')));
  });

  test.each([
    ['ada', proven('ada'), true],
    ['arn:aws:iam::1:user/ada', proven('ada'), true],
    ['', { ...proven('ada'), name: '' }, false],
    [undefined, proven('ada'), false],
    ['ada <>', proven('ada'), true],
    ['adam', proven('ada'), false],
    ['<ada>', proven('ada'), true],
  ])('takes %j for %j: %s', (written, by, isIt) => {
    expect(whyAuthor({ by }, written)).toEqual(
      isIt ? expect.stringContaining('is the author of the release') : undefined,
    );
  });
});

describe('a rejection', () => {
  const ada = proven('ada');

  test('pauses the rollout, where its file says nothing else', () => {
    given(waiting()).when(reject(ada), 5).then(rejected(ada), paused(ada));
    expect(directiveAt(5, waiting(), rejected(ada), paused(ada), measured('pass', [1, 4])).kind).toBe('hold');
  });

  test('adds nothing to a pause', () => {
    given(waiting(), paused(proven('grace'), 4.5, 'lunch'))
      .when(reject(ada), 5)
      .then(rejected(ada));
  });

  test('reverts the rollout, where its file says that it ends it, also an irreversible one', () => {
    for (const reversible of [true, false]) {
      given(waiting({ reject: 'ends' }, { reversible }))
        .when(reject(ada), 5)
        .then(rejected(ada), {
          ...{ type: 'RevertOrdered', at: minute(5), cause: 'human', reason: SAID, outcome: 'reverted' },
        });
    }
    const before: RolloutEvent[] = [
      opened({ gates: [gateOf({ before: 10, reject: 'ends' })] }),
      { ...gateOpened, gate: 10 } as RolloutEvent,
    ];
    expect(decide(stateAfter(before), reject(ada, { gate: 10 }), minute(5)).at(-1)).toMatchObject({
      ...{ type: 'RevertOrdered', outcome: 'refused' },
    });
  });

  test('of a gate that is not open is refused', () => {
    given(waiting())
      .when(reject(ada, { gate: 10 }), 5)
      .thenRefused(
        'CommandRefused',
        /no open gate before 10 %, only before 50 %; look again and reject the one/,
      );
  });

  test('is a line of the story', () => {
    const narrate = storyteller();
    const lines = [...waiting(), approval(proven('grace')), rejected(ada)].map(
      (event) => narrate(event).line,
    );
    expect(lines.slice(-2)).toEqual(['grace approved the gate before 50 %; 1 more approval is needed', SAID]);
  });
});

describe('an approval', () => {
  const [ada, grace] = [proven('ada'), proven('grace')];
  const pauseOf = (why: string): RolloutEvent => ({ ...paused(grace, 5.5, 'odd'), why }) as RolloutEvent;
  const recalled = (more: object = {}): RolloutEvent =>
    ({
      type: 'RecallOrdered',
      at: minute(5.5),
      nth: 1,
      weight: 5,
      reason: 'odd',
      remaining: 60,
      ...more,
    }) as RolloutEvent;

  test.each<[string, RolloutEvent]>([
    ['a rejection', rejected(grace, 5.5)],
    ['a pause by a person', pauseOf('human')],
    ['a pause for suspicion', pauseOf('suspect')],
    ['a pause for doubt', pauseOf('doubt')],
    ['a page about an irreversible release', pauseOf('irreversible')],
    ['a recall', recalled()],
    ['a promotion that leaves out steps', promotionOrdered(5.5, { full: true })],
  ])('lapses with %s', (_, event) => {
    const state = stateAfter([...waiting(), approval(ada), event]);
    expect(state.gates[50]).toEqual({ until: minute(604), approvedBy: [] });
    expect(stateAfter([...waiting(), approval(ada), event, approval(ada, 6)]).gates[50]?.approvedBy).toEqual([
      ada,
    ]);
  });

  test.each<[string, RolloutEvent]>([
    ['a pause for want of counts', pauseOf('broken')],
    ['a pause for want of evidence', pauseOf('inconclusive')],
    ['a wait for counts', recalled({ nth: 0, waitsFor: 'api' })],
    ['a promotion past the step', promotionOrdered(5.5)],
    ['a verdict', measured('pass', [1, 4])],
  ])('stands after %s', (_, event) => {
    expect(stateAfter([...waiting(), approval(ada), event]).gates[50]?.approvedBy).toEqual([ada]);
  });

  test('of a gate that was passed is not asked for again when a recall returns', () => {
    const returned: RolloutEvent = {
      type: 'RecallEnded',
      at: minute(6),
      reason: 'nothing speaks against it',
    };
    const history = [...onSecondStep({ gates: [gateOf()] }), recalled(), returned];
    expect(viewOf(stateAfter(history)).gates).toEqual([]);
  });

  test('of a controller from before actors is told and counted by its text', () => {
    const old = { type: 'Approved', at: minute(5), gate: 50, by: 'ada' } as unknown as RolloutEvent;
    const other = { ...old, by: 'grace' } as unknown as RolloutEvent;
    const narrate = storyteller();
    const told = [...waiting(), old, old, other].map((event) => narrate(event));
    expect(told.map(({ line }) => line).slice(-3)).toEqual([
      'ada approved the gate before 50 %; 1 more approval is needed',
      'ada approved the gate before 50 %; 1 more approval is needed',
      'grace approved the gate before 50 %',
    ]);
  });
});

test('a gate that asks a group which there is not is refused, with those that there are', () => {
  const gates = [gateOf({ before: 10 }), gateOf({ from: ['ops', 'ledas'] })];
  const refusal = (groups: string[]) => thrownBy(() => assertGroups(gates, groups)).message;
  const says = 'gates: nobody could approve the gate before 50 %, since';
  expect(refusal(['leads', 'ops'])).toBe(
    `${says} "ledas" in \`from\` is not a group: did you mean \`leads\`? Known are leads, ops.`,
  );
  expect(refusal([])).toBe(
    `${says} "ops" in \`from\` is not a group: the settings of this environment name none.`,
  );
  expect(() => assertGroups(gates, ['ops', 'ledas'])).not.toThrow();
});

test('who may approve is said in words', () => {
  expect(whoMay({ by: [] })).toBe('anybody who may approve');
  expect(whoMay({ by: ['ada', 'grace'] })).toBe('ada, grace');
  expect(whoMay({ by: [], from: ['leads', 'ops'] })).toBe('anybody in leads or ops');
  expect(whoMay({ by: ['ada'], from: ['leads'] })).toBe('ada, or anybody in leads');
});
