import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VerdictStatus } from '../../../core/analysis/types.ts';
import { settledUntil } from '../../../core/analysis/windows.ts';
import { RolloutError } from '../../../core/errors.ts';
import type { Observed } from '../../../core/ports.ts';
import { isPlans } from '../../../core/rollout/actor.ts';
import type { Checkpoint } from '../../../core/rollout/checkpoint.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import { dueAt, GRACE_SECONDS, hasCanaryTraffic } from '../../../core/rollout/due.ts';
import type { Gate, Hook, HookStatus, Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { type FencingToken, isSameToken } from '../../../core/rollout/fencing-token.ts';
import { DIRECTIVE_KINDS, type Directive, next } from '../../../core/rollout/next.ts';
import { isForeign, revertPlan } from '../../../core/rollout/revert-plan.ts';
import { evolve, fold, isEnded, type Rollout, targetNamed } from '../../../core/rollout/state.ts';
import { bakeOf } from '../../../core/rollout/timing.ts';
import type { Target } from '../../../core/target.ts';
import { type Instant, WINDOW_MS } from '../../../core/units.ts';
import { times } from '../../deep.ts';
import {
  actor,
  frozen,
  minute,
  opened,
  plan,
  proven,
  smokeHooks,
  TWO_TARGETS,
  target,
  token,
} from './given.ts';

/** What happens to one call of the execution. */
interface Luck {
  status: VerdictStatus;
  smoke: HookStatus;
  /** The hook answers later. */
  isPending: boolean;
  /** What becomes of a raise: written and answered, written with the answer lost, written late, or never sent. */
  raise: 'written' | 'answer lost' | 'late' | 'never sent';
  /** The judgement, or the journal entry of a revert, is lost with its handler. */
  isLost: boolean;
  /** The verdict is one of another stretch, which has to count for nothing. */
  isForeign: boolean;
  /** What somebody else does between the directive and its work. */
  between?: Meddling | undefined;
}

type Meddling =
  | { what: 'command'; command: Command }
  | { what: 'alarm'; agoSeconds: number }
  | { what: 'stranger'; index: number; how: 'another primary' | 'canary removed' | 'another token' }
  | { what: 'late write' }
  | { what: 'second confirmation' }
  | { what: 'takeover' };

type Move = { what: 'act'; luck: Luck } | { what: 'wait'; seconds: number } | Meddling;

interface Raise {
  target: string;
  expect: FencingToken;
  write: FencingToken;
  weight: number;
}

const FOREIGN: FencingToken = { ...token(0), rolloutId: 'checkout-api--r9--1' };

/** A rollout with its targets and its clock: what an execution, people and mishaps can do to it. */
class World {
  events: RolloutEvent[];
  state: Rollout;
  now: Instant = minute(0);
  seen: Record<string, Observed>;
  hasForeign = false;
  /** Targets that somebody else gave another primary while the rollout was under way. */
  strangers = new Set<string>();
  /** The fence was shut for completion, so what is promoted stays so even if the close itself is lost. */
  isSealed = false;
  private late: Raise[] = [];
  private confirmed: Command[] = [];
  /** A dead execution was replaced: the targets are read before the next directive. */
  private isResumed = false;
  /** Targets whose revert path was taken: nothing of ours may come back to them. */
  private out = new Set<string>();

  constructor(opening: Partial<Opening>) {
    const event = opened(opening);
    this.events = [event];
    this.state = frozen(evolve(undefined, event));
    this.seen = Object.fromEntries(
      event.targets.map(({ name, stable }): [string, Observed] => [
        name,
        { primary: stable, weights: {}, token: token(0) },
      ]),
    );
  }

  do(move: Move): void {
    if (move.what === 'act') this.act(move.luck);
    else if (move.what === 'wait') this.now += move.seconds * 1000;
    else this.meddle(move);
  }

  /** One directive and its work, as the execution does it. */
  act(luck: Luck): Directive {
    if (this.isResumed && this.reconcileAll()) this.isResumed = false;
    const directive = next(this.state, this.now);
    this.assertSane(directive);
    const version = this.state.version;
    // A person between seal and close is left out: that race has a test of its own in decide.test.ts.
    if (luck.between !== undefined && directive.kind !== 'close') this.meddle(luck.between);
    this.work(directive, luck, version === this.state.version);
    return directive;
  }

  private work(directive: Directive, luck: Luck, isFresh: boolean): void {
    switch (directive.kind) {
      case 'hook':
        if (isFresh && !luck.isLost) this.pass(directive.checkpoint, luck);
        return;
      case 'shift':
        if (isFresh) this.raise(directive.target, directive.weight, luck);
        return;
      case 'promote':
        if (isFresh) this.raise(directive.target, 100, luck);
        return;
      case 'measure':
        if (isFresh && this.reconcileAll()) this.measure(luck);
        return;
      case 'hold':
        if (isFresh) this.now += directive.seconds * 1000;
        return;
      case 'continue':
        if (isFresh && !luck.isLost) this.write({ type: 'Continue' });
        return;
      case 'close':
        if (this.reconcileAll()) this.close(luck);
        return;
      case 'revert':
        this.revert(directive, luck);
    }
  }

  private pass(checkpoint: Checkpoint, luck: Luck): void {
    if (checkpoint.kind === 'gate') {
      const { before, timeoutSeconds } = checkpoint.gate;
      this.write({ type: 'OpenGate', gate: before, seconds: timeoutSeconds });
    } else if (luck.isPending && this.state.hooks[checkpoint.id]?.status !== 'started') {
      this.write({ type: 'StartHook', hook: checkpoint.id, seconds: checkpoint.hook.timeoutSeconds });
    } else {
      this.write({ type: 'AnswerHook', hook: checkpoint.id, status: luck.smoke, reason: luck.smoke });
    }
  }

  private measure(luck: Luck): void {
    if (luck.isLost) return;
    const to = settledUntil(this.state, this.now);
    const from = (bakeOf(this.state)?.from ?? this.now) - (luck.isForeign ? WINDOW_MS : 0);
    const verdict = { status: luck.status, reason: luck.status, findings: [], from, to };
    this.write({ type: 'RecordMeasure', verdict, alarms: [] });
  }

  private raise(name: string, weight: number, luck: Luck): void {
    const [intent] = this.write({ type: 'IntendShift', target: name, weight, expiresAt: this.now + 10_000 });
    const expected = this.state.traffic[name]?.token;
    if (intent?.type !== 'ShiftIntended' || expected === undefined) return;
    const raise = { target: name, expect: expected, write: intent.token, weight };
    if (luck.raise === 'late') this.late.push(raise);
    const isRaised = (luck.raise === 'written' || luck.raise === 'answer lost') && this.put(raise);
    this.isResumed = luck.raise !== 'written';
    if (this.isResumed) return;
    const confirm: Command = { type: 'ConfirmShift', target: name, weight, token: intent.token };
    if (isRaised) this.confirmed.push(confirm);
    this.write(isRaised ? confirm : { type: 'Reconcile', target: name, seen: this.look(name) });
  }

  /** The one conditional write of a raise, as a target takes it. */
  private put({ target: name, expect: expected, write, weight }: Raise): boolean {
    const { stable, canary } = targetNamed(this.state, name);
    const seen = this.look(name);
    const isForeign = Object.keys(seen.weights).some((version) => version !== canary);
    if (!isSameToken(seen.token, expected) || seen.primary !== stable || isForeign) return false;
    expect(this.out, `${name} was raised after its revert path`).not.toContain(name);
    this.seen[name] =
      weight === 100
        ? { primary: canary, weights: {}, token: write }
        : { primary: stable, weights: { [canary]: weight }, token: write };
    return true;
  }

  private revert({ cause, reason }: Extract<Directive, { kind: 'revert' }>, luck: Luck): void {
    const targets = this.takeOut();
    if (!luck.isLost) this.write({ type: 'RecordRevert', targets, cause, reason });
  }

  private takeOut() {
    const { rolloutId, targets } = this.state.opening;
    return targets.map((each) => {
      const before = this.look(each.name);
      const way = revertPlan(before, each, { rolloutId, epoch: this.state.epoch });
      if ('write' in way) this.seen[each.name] = way.write;
      if ('write' in way) this.out.add(each.name);
      const { primary } = this.look(each.name);
      const changed = before.primary !== primary || before.weights[each.canary] !== this.shareOf(each);
      return { name: each.name, primary, changed, drifted: isForeign(primary, each) };
    });
  }

  private close(luck: Luck): void {
    const { rolloutId, targets } = this.state.opening;
    this.isSealed = true;
    for (const { name } of targets) {
      const seen = this.look(name);
      if (seen.token?.rolloutId === rolloutId && seen.token.open)
        this.seen[name] = { ...seen, token: { ...seen.token, seq: seen.token.seq + 1, open: false } };
    }
    if (!luck.isLost) this.write({ type: 'Close' });
  }

  /** False if the journal learned something, so that another directive is due. */
  private reconcileAll(): boolean {
    const { version } = this.state;
    if (!hasCanaryTraffic(this.state)) return true;
    for (const { name } of this.state.opening.targets)
      this.write({ type: 'Reconcile', target: name, seen: this.look(name) });
    return this.state.version === version;
  }

  private meddle(meddling: Meddling): void {
    switch (meddling.what) {
      case 'command':
        this.command(meddling.command);
        return;
      case 'alarm':
        this.write({
          type: 'ReportAlarm',
          alarm: 'orders-low',
          since: this.now - meddling.agoSeconds * 1000,
        });
        return;
      case 'stranger':
        this.disturb(meddling);
        return;
      case 'late write':
        for (const raise of this.late.splice(0)) this.put(raise);
        return;
      case 'second confirmation':
        for (const confirm of this.confirmed) this.write(confirm);
        return;
      case 'takeover':
        if (isEnded(this.state)) return;
        this.isResumed = true;
        this.write({ type: 'TakeOver', reason: 'it died' });
    }
  }

  private command(command: Command): void {
    if (command.type === 'Abort' && !isEnded(this.state)) this.takeOut();
    try {
      this.write(command);
    } catch (error) {
      if (!RolloutError.is(error, 'CommandRefused')) throw error;
    }
  }

  private disturb({ index, how }: Extract<Meddling, { what: 'stranger' }>): void {
    const { targets } = this.state.opening;
    const name = targets[index % targets.length]?.name ?? '';
    this.hasForeign = true;
    if (how === 'another primary') this.seen[name] = { ...this.look(name), primary: '99' };
    if (how === 'another primary' && !isEnded(this.state)) this.strangers.add(name);
    if (how === 'canary removed') this.seen[name] = { ...this.look(name), weights: {} };
    if (how === 'another token') this.seen[name] = { ...this.look(name), token: FOREIGN };
  }

  private write(command: Command): RolloutEvent[] {
    const events = decide(this.state, command, this.now);
    for (const event of events) {
      if (event.type === 'ShiftIntended') assertEarned(this.events, event);
      if (event.type === 'ShiftIntended' || command.type === 'Close') assertUnsuspected(this.events);
      this.events.push(event);
      this.state = frozen(evolve(this.state, event));
    }
    return events;
  }

  private assertSane(directive: Directive): void {
    expect(DIRECTIVE_KINDS).toContain(directive.kind);
    const isLeaving = this.events.some(({ type }) => LEAVING.includes(type));
    if (isLeaving) expect(['revert', 'done']).toContain(directive.kind);
    if (directive.kind === 'done') expect(this.state.outcome).toBe('completed');
    if (directive.kind === 'hold') assertHold(this.state, directive.seconds, this.now);
  }

  look(name: string): Observed {
    const seen = this.seen[name];
    if (seen === undefined) throw new Error(`There is no target ${name}.`);
    return seen;
  }

  shareOf({ name, canary }: Target): number | undefined {
    return this.look(name).weights[canary];
  }
}

const LEAVING: RolloutEvent['type'][] = ['Aborted', 'RevertOrdered', 'DriftDetected', 'Reverted'];

function assertHold(state: Rollout, seconds: number, now: Instant): void {
  expect(Number.isInteger(seconds)).toBe(true);
  expect(seconds).toBeGreaterThanOrEqual(1);
  if (hasCanaryTraffic(state) && state.moves.length > 0) expect(seconds).toBeLessThanOrEqual(120);
  // A pause before the first raise is confirmed is left out: it has a test of its own in timing.test.ts.
  if (state.raisedAt === undefined || state.moves.length > 0)
    expect(dueAt(state) + GRACE_SECONDS * 1000, 'held until it counts as dead').toBeGreaterThanOrEqual(
      now + seconds * 1000,
    );
}

/** Reads out of the bare events, without the fold, whether a raise to this weight was earned or ordered. */
function assertEarned(
  before: RolloutEvent[],
  { weight, target: name, at }: Extract<RolloutEvent, { type: 'ShiftIntended' }>,
): void {
  const [first] = before;
  if (first?.type !== 'RolloutOpened') throw new Error('There is no opening.');
  const ladder = [0, ...first.plan.steps.map((step) => step.weight), 100];
  const why = `${name} to ${weight} %`;
  for (const gate of first.gates.filter(({ before }) => before <= weight))
    expect(isApproved(before, gate, at), `${why} before the gate at ${gate.before} %`).toBe(true);
  const asked = first.hooks.filter(
    ({ point }) => point === 'beforeTraffic' || (point === 'beforePromotion' && weight === 100),
  );
  for (const { id } of asked)
    expect(
      before.some((event) => event.type === 'HookAnswered' && event.hook === id && event.status === 'pass'),
      `${why} before ${id} passed`,
    ).toBe(true);
  const isBegun = before.some((event) => event.type === 'ShiftIntended' && event.weight === weight);
  const isFull = before.some((event) => event.type === 'PromotionOrdered' && event.full);
  const under = ladder[ladder.indexOf(weight) - 1] ?? Number.NaN;
  if (under === 0 || isBegun || (isFull && weight === 100)) return;
  expect(isOrderedFrom(before, under) || isProvenAt(before, first, under), `${why} was not earned`).toBe(
    true,
  );
}

/** Reads out of the bare events that nothing goes on while the canary looks worse, unless a person ordered it. */
function assertUnsuspected(before: RolloutEvent[]): void {
  const newStep = before.findLastIndex(
    (event, index) =>
      event.type === 'ShiftIntended' &&
      !before.slice(0, index).some((each) => each.type === 'ShiftIntended' && each.weight === event.weight),
  );
  const verdicts = before.slice(newStep + 1).filter((event) => event.type === 'Measured');
  const last = verdicts.findLast(({ verdict }) => verdict.status === 'suspect' || verdict.status === 'pass');
  const isOrdered = before.some((event) => event.type === 'PromotionOrdered' && !isPlans(event.by));
  // Between two targets of one raise the suspicion ends where the verdict does.
  const isLatest = verdicts.at(-1)?.verdict.status !== 'inconclusive';
  if (last?.verdict.status === 'suspect' && isLatest)
    expect(isOrdered, 'it went on although it looked worse').toBe(true);
}

/** What was approved before one of these does not count: somebody looked closer, or it is not what goes on. */
const isLapse = (event: RolloutEvent): boolean =>
  event.type === 'Rejected' ||
  (event.type === 'PromotionOrdered' && event.full) ||
  (event.type === 'RecallOrdered' && event.waitsFor === undefined) ||
  (event.type === 'Paused' && ['human', 'suspect', 'doubt', 'irreversible'].includes(event.why));

function isApproved(events: RolloutEvent[], { before, onTimeout }: Gate, at: Instant): boolean {
  // A gate is passed once.
  if (events.some((event) => event.type === 'ShiftIntended' && event.weight >= before)) return true;
  const since = events.findLastIndex(isLapse);
  return events.some(
    (event, index) =>
      (event.type === 'Approved' && event.gate === before && event.by.isVerified && index > since) ||
      (event.type === 'GateOpened' && event.gate === before && onTimeout === 'promote' && event.until <= at),
  );
}

function isOrderedFrom(events: RolloutEvent[], weight: number): boolean {
  const begun = events.findIndex((event) => event.type === 'ShiftIntended' && event.weight === weight);
  return begun >= 0 && events.slice(begun).some((event) => event.type === 'PromotionOrdered');
}

function isProvenAt(events: RolloutEvent[], opening: Opening, weight: number): boolean {
  const arrivals = opening.targets.map(({ name }) =>
    events.find((event) => event.type === 'Shifted' && event.target === name && event.weight === weight),
  );
  if (arrivals.includes(undefined)) return false;
  const since = Math.max(...arrivals.map((event) => event?.at ?? Number.NaN));
  const from = Math.ceil(since / WINDOW_MS) * WINDOW_MS;
  const bake = (opening.plan.steps.find((step) => step.weight === weight)?.bakeSeconds ?? Number.NaN) * 1000;
  return events.some(
    (event) =>
      event.type === 'Measured' &&
      event.verdict.status === 'pass' &&
      event.verdict.from === from &&
      event.verdict.to >= from + bake,
  );
}

const often = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    { weight: others.length, arbitrary: fc.constantFrom(...others) },
  );

const person = fc.constantFrom<Command>(
  { type: 'Pause', by: actor('ada'), reason: 'lunch' },
  { type: 'Resume', by: actor('ada') },
  { type: 'Promote', by: actor('ada'), full: false },
  { type: 'Promote', by: actor('ada'), full: false, step: 0 },
  { type: 'Promote', by: actor('ada'), full: true },
  { type: 'Approve', by: proven('ada'), gate: 10 },
  { type: 'Approve', by: proven('ada'), gate: 50 },
  { type: 'Approve', by: actor('ada'), gate: 50 },
  { type: 'Reject', by: proven('ada'), gate: 10, reason: 'odd' },
  { type: 'Abort', by: actor('ada'), reason: 'it looks odd' },
);

const meddling: fc.Arbitrary<Meddling> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('command' as const), command: person }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Meddling>({ what: 'late write' }, { what: 'second confirmation' }),
  },
  { weight: 2, arbitrary: fc.constant<Meddling>({ what: 'takeover' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('alarm' as const),
      agoSeconds: fc.integer({ min: 0, max: 900 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('stranger' as const),
      index: fc.nat(1),
      how: fc.constantFrom('another primary' as const, 'canary removed' as const, 'another token' as const),
    }),
  },
);

const luck: fc.Arbitrary<Luck> = fc.record({
  status: often<VerdictStatus>('pass', 'inconclusive', 'suspect', 'broken', 'fail'),
  smoke: often<HookStatus>('pass', 'broken', 'fail'),
  isPending: often(false, true),
  raise: often<Luck['raise']>('written', 'answer lost', 'late', 'never sent'),
  isLost: often(false, true),
  isForeign: often(false, true),
  between: fc.option(meddling, { nil: undefined, freq: 12 }),
});

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.record({ what: fc.constant('act' as const), luck }) },
    {
      weight: 1,
      arbitrary: fc.record({ what: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 2, arbitrary: meddling },
  ),
  { maxLength: 80, size: 'max' },
);

const CHECKED: Hook[] = (['afterStep', 'beforeStep', 'beforePromotion', 'afterPromotion'] as const).flatMap(
  (point) => smokeHooks('/health').map((hook) => ({ ...hook, id: point, point })),
);
const GATES: Gate[] = [
  { before: 10, approvers: 1, by: [], timeoutSeconds: 600, onTimeout: 'promote' },
  { before: 50, approvers: 1, by: ['grace'], timeoutSeconds: 600, onTimeout: 'revert' },
];

const openings: fc.Arbitrary<Partial<Opening>> = fc.record({
  targets: fc.constantFrom([target()], TWO_TARGETS),
  hooks: fc.constantFrom([], smokeHooks('/health', '/checkout'), CHECKED),
  gates: fc.constantFrom([], [], GATES),
  plan: fc.record({
    steps: fc.constantFrom([], plan().steps, [
      { weight: 1, bakeSeconds: 60, maxBakeSeconds: 60 },
      ...plan().steps,
    ]),
    verifySeconds: fc.constantFrom(0, 120),
    onInconclusive: fc.constantFrom('pause' as const, 'promote' as const, 'revert' as const),
  }),
  alarms: fc.constant([{ name: 'orders-low', red: false }]),
  settleSeconds: fc.constantFrom(60, 63, 120),
  deadline: fc.constant(minute(8 * 60)),
});

const calm = (status: VerdictStatus): Luck => ({
  status,
  smoke: 'pass',
  isPending: false,
  raise: 'written',
  isLost: false,
  isForeign: false,
});

/** Lets the rollout run without further mishaps until its execution would stop. */
function drive(world: World, status: VerdictStatus): void {
  for (let acts = 0; acts < 2_000; acts++) {
    const { now, state } = world;
    const { kind } = world.act(calm(status));
    if (kind === 'done' || (kind === 'revert' && isEnded(world.state))) return;
    if (world.now === now && world.state.version === state.version)
      throw new Error(`Neither time nor the rollout went on at ${kind}.`);
  }
  throw new Error(`It did not end: ${JSON.stringify(world.state)}`);
}

test('a raise is earned by a pass on the whole bake or ordered, and none follows a reason to leave', () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(openings, moves, (opening, script) => {
      const world = new World(opening);
      for (const move of script) world.do(move);
      for (const { type } of world.events) reached.add(type);
    }),
    { numRuns: times(200, 6_000) },
  );
  expect([...reached].sort()).toEqual([
    'Aborted',
    'AlarmRaised',
    'Approved',
    'DriftDetected',
    'GateOpened',
    'HookAnswered',
    'HookStarted',
    'Measured',
    'Paused',
    'Promoted',
    'PromotionOrdered',
    'Rejected',
    'Resumed',
    'RevertOrdered',
    'Reverted',
    'RolloutClosed',
    'RolloutOpened',
    'ShiftIntended',
    'Shifted',
    'TookOver',
  ]);
});

test('every history ends with an outcome, and the traffic is where the outcome says', () => {
  const outcomes = new Set<string | undefined>();
  const statuses = fc.constantFrom<VerdictStatus>(
    'pass',
    'pass',
    'inconclusive',
    'suspect',
    'broken',
    'fail',
  );
  fc.assert(
    fc.property(openings, moves, statuses, (opening, script, status) => {
      const world = new World(opening);
      for (const move of script) world.do(move);
      drive(world, status);
      world.do({ what: 'late write' });
      world.do({ what: 'second confirmation' });
      outcomes.add(world.state.outcome);
      expect(world.now).toBeLessThanOrEqual(world.state.opening.deadline + 3_600_000);
      assertSettled(world);
    }),
    { numRuns: times(120, 3_000) },
  );
  expect([...outcomes].sort()).toEqual(['completed', 'halted', 'refused', 'reverted']);
});

function assertSettled(world: World): void {
  const { outcome, opening } = world.state;
  if (outcome === 'halted') expect(world.hasForeign).toBe(true);
  if (world.strangers.size > 0) expect(outcome).toBe('halted');
  for (const each of opening.targets) {
    const seen = world.look(each.name);
    if (seen.token?.rolloutId !== opening.rolloutId) continue;
    expect(seen.token.open, 'the fence is shut').toBe(false);
    expect(seen.weights).toEqual({});
    if (world.strangers.has(each.name)) expect(seen.primary).toBe('99');
    else if (!world.hasForeign)
      expect(seen.primary).toBe(outcome === 'completed' ? each.canary : each.stable);
    else if (outcome !== 'completed' && !world.isSealed) expect(seen.primary).not.toBe(each.canary);
  }
}

test('the state is a pure fold: it can be stored after every event and read back', () => {
  fc.assert(
    fc.property(openings, moves, (opening, script) => {
      const world = new World(opening);
      for (const move of script) world.do(move);
      const before = JSON.stringify(world.events);
      let stored: Rollout | undefined;
      for (const event of world.events) {
        const direct = evolve(stored, event);
        stored = JSON.parse(JSON.stringify(direct)) as Rollout;
        expect(stored).toEqual(direct);
        for (const now of [world.now, minute(0)]) expect(next(stored, now)).toEqual(next(direct, now));
      }
      expect(fold(world.events)).toEqual(world.state);
      expect(stored).toEqual(world.state);
      expect(JSON.stringify(world.events)).toBe(before);
    }),
    { numRuns: times(90, 1_500) },
  );
});

test('there is a directive for every state and instant', () => {
  const instants = fc.array(fc.integer({ min: -86_400_000, max: 10 * 86_400_000 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(openings, moves, instants, (opening, script, afters) => {
      const world = new World(opening);
      for (const move of script) {
        world.do(move);
        for (const after of afters) {
          const directive = next(world.state, world.now + after);
          expect(DIRECTIVE_KINDS).toContain(directive.kind);
          if (directive.kind === 'hold' && after >= 0)
            assertHold(world.state, directive.seconds, world.now + after);
          if (directive.kind === 'hold') expect(directive.seconds).toBeLessThanOrEqual(3_600);
        }
      }
    }),
    { numRuns: times(90, 1_500) },
  );
});
