import type { Opening, RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Target } from '../../core/target.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import { actor } from '../core/rollout/given.ts';

export const AT = Date.UTC(2026, 0, 5, 9);

/** One target of a rollout from version 1 to version 2. */
export function targetOf(name: string): Target {
  return {
    name,
    kind: 'lambda-alias',
    key: `aws:111122223333:eu-west-1:lambda-alias/${name}/live`,
    ref: { functionName: name, alias: 'live' },
    stable: '1',
    canary: '2',
    source: 'http',
    traits: traitsOf('http', { functionName: name, alias: 'live' }),
  };
}

/** The first event of a rollout of `checkout`; its id follows from the release unless it is said. */
export function openedEvent(changes: Partial<Opening> = {}): RolloutEvent {
  const { service = 'checkout', release = 'r1', attempt = 1 } = changes;
  return {
    type: 'RolloutOpened',
    at: AT,
    rolloutId: `${service}--${release}--${attempt}`,
    service,
    environment: 'production',
    release,
    attempt,
    manifest: manifestOf(release, service),
    order: 1,
    targets: [targetOf('api')],
    plan: {
      steps: [{ weight: 10, bakeSeconds: 180, maxBakeSeconds: 180 }],
      verifySeconds: 180,
      onInconclusive: 'pause',
    },
    hooks: [],
    gates: [],
    watch: [{ metric: 'errors', ratio: 1.5 }],
    limits: [],
    reversible: true,
    alarms: [{ name: 'orders-too-low', red: false }],
    settleSeconds: 63,
    deadline: AT + 24 * 3600_000,
    notices: [],
    ...changes,
  };
}

/** The one event of a release that was turned away at the door. */
export function declinedEvent(
  outcome: 'refused' | 'superseded' | 'completed' = 'refused',
  release = 'r1',
): RolloutEvent {
  return {
    type: 'RolloutDeclined',
    at: AT,
    rolloutId: `checkout--${release}--1`,
    service: 'checkout',
    environment: 'production',
    release,
    attempt: 1,
    manifest: manifestOf(release),
    outcome,
    reason: 'its manifest names no target',
  };
}

export function manifestOf(release: string, service = 'checkout'): Opening['manifest'] {
  return {
    bucket: 'releases',
    key: `releases/${service}/${release}/manifest.json`,
    versionId: `v-${release}`,
  };
}

/** A fact that changes nothing but the version, and can be told from others by its alarm. */
export function noted(alarm: string, at = AT + 1000): RolloutEvent {
  return { type: 'AlarmRaised', at, alarm, since: at };
}

/** An event of about 200 KB, as no history has them: it stands for many. */
export function longEvent(at = AT + 1000): RolloutEvent {
  const alarms = Array.from({ length: 1_600 }, (_, nth) => ({
    ...{ name: `alarm ${nth} ${'x'.repeat(60)}`, state: 'ok' as const, since: 0 },
  }));
  const verdict = { status: 'pass' as const, reason: 'long', findings: [], from: 0, to: 0 };
  return { type: 'Measured', at, verdict, alarms };
}

export function closedEvent(outcome: 'completed' | 'reverted' = 'completed', at = AT + 60_000): RolloutEvent {
  return { type: 'RolloutClosed', at, outcome, reason: `it was ${outcome}` };
}

/** A history that touches every part of the fold. */
export function fullHistory(rollout: Rollout): RolloutEvent[][] {
  const { rolloutId } = rollout.opening;
  const token = (seq: number) => ({ rolloutId, epoch: 1, seq, open: true });
  const finding = {
    target: 'api',
    metric: 'errors' as const,
    status: 'pass' as const,
    canary: { bad: 1, total: 1000 },
    stable: { bad: 9, total: 9000 },
    windows: 3,
    evidence: -0.25,
    reason: 'errors: canary 1 of 1,000 failed, stable 9 of 9,000',
  };
  const verdict = {
    status: 'pass' as const,
    reason: 'nothing is worse',
    findings: [finding],
    from: AT,
    to: AT + 180_000,
  };
  return [
    [
      {
        type: 'HookAnswered',
        at: AT + 1,
        hook: 'smoke.1',
        status: 'pass',
        reason: 'GET / answered 200 in 3 ms',
      },
    ],
    [
      {
        type: 'ShiftIntended',
        at: AT + 2,
        target: 'api',
        weight: 10,
        token: token(1),
        expiresAt: AT + 10_000,
      },
    ],
    [{ type: 'Shifted', at: AT + 3, target: 'api', weight: 10, token: token(1) }],
    [
      {
        type: 'Measured',
        at: AT + 240_000,
        verdict,
        alarms: [{ name: 'orders-too-low', state: 'ok', since: AT }],
      },
      {
        type: 'Paused',
        at: AT + 240_000,
        by: actor('ada'),
        reason: 'lunch',
        until: AT + 500_000,
        why: 'human',
      },
    ],
    [{ type: 'Resumed', at: AT + 241_000, by: actor('ada') }],
    [{ type: 'PromotionOrdered', at: AT + 242_000, by: actor('ada'), full: true }],
    [{ type: 'TookOver', at: AT + 300_000, epoch: 2, reason: 'its execution died' }],
    [{ type: 'Aborted', at: AT + 301_000, by: actor('ada'), reason: 'too slow' }],
    [
      {
        type: 'Reverted',
        at: AT + 302_000,
        targets: [{ name: 'api', primary: '1', changed: true, drifted: false }],
        cause: 'human',
        reason: 'ada aborted: too slow',
        exposure: { requests: 1000, failed: 1, seconds: 300 },
      },
      { type: 'RolloutClosed', at: AT + 302_000, outcome: 'reverted', reason: 'ada aborted: too slow' },
    ],
  ];
}
