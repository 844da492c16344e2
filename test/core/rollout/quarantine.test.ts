import { describe, expect, test } from 'vitest';
import type { Hook, Made, Quarantined, RolloutEvent } from '../../../core/rollout/event.ts';
import {
  isSameArtifact,
  keptOut,
  keptOutBy,
  liftedWith,
  madeFrom,
  quarantineOf,
  withoutCompleted,
  withoutQuarantine,
  withQuarantined,
} from '../../../core/rollout/quarantine.ts';
import { serviceAfter } from '../../../core/rollout/service.ts';
import { fold } from '../../../core/rollout/state.ts';
import { closed, inVerify, onFirstStep, reverted, revertOrdered, stateAfter, TWO_TARGETS } from './given.ts';

const A2: Made = { version: '2', code: 'a2', config: 'x' };
const W2: Made = { version: '7', code: 'w2', config: 'x' };
const bad = (made: Record<string, Made>, release = 'r1'): Quarantined => ({
  release,
  rolloutId: `shop--${release}--1`,
  reason: 'errors went up',
  made,
});
const asked = (
  made: Record<string, Made>,
  quarantined: Quarantined[],
  changed = Object.keys(made),
  moved?: string[],
) => keptOutBy({ release: 'r9', made, changed, moved }, { quarantined }).map(({ release }) => release);

describe('two versions are the same artifact', () => {
  test.each<[string, Made, Made, boolean]>([
    ['with the same code and configuration', A2, { ...A2, version: '3' }, true],
    ['not with another configuration', A2, { ...A2, version: '3', config: 'y' }, false],
    [
      'not with other code, also under one number: a function that was created again counts from 1',
      A2,
      { ...A2, code: 'b' },
      false,
    ],
    ['if the configuration of one is unknown', A2, { version: '', code: 'a2' }, true],
    ['by their number if nobody knows the code of one', A2, { version: '2' }, true],
    ['not by another number', A2, { version: '3' }, false],
    ['never by no number', { version: '' }, { version: '' }, false],
  ])('%s', (_what, a, b, expected) => {
    expect(isSameArtifact(a, b)).toBe(expected);
    expect(isSameArtifact(b, a)).toBe(expected);
  });
});

describe('a release is kept out', () => {
  test('by its artifact under another release id and another version', () => {
    expect(asked({ api: { ...A2, version: '5' } }, [bad({ api: A2 })])).toEqual(['r1']);
    expect(asked({ api: { ...A2, version: '' } }, [bad({ api: A2 })])).toEqual(['r1']);
  });

  test('not with a configuration that was fixed', () => {
    expect(asked({ api: { ...A2, version: '5', config: 'fixed' } }, [bad({ api: A2 })])).toEqual([]);
  });

  test('by the one artifact that the evidence blamed, whatever goes out beside it', () => {
    expect(asked({ api: A2, worker: { ...W2, code: 'w3' } }, [bad({ api: A2 })])).toEqual(['r1']);
    expect(asked({ worker: W2 }, [bad({ api: A2 })])).toEqual([]);
    expect(asked({ api: A2, worker: W2 }, [bad({ api: A2, worker: W2 })], ['api'])).toEqual(['r1']);
  });

  test('not if one of several blamed artifacts is replaced, but if nothing else comes with the other', () => {
    const both = [bad({ api: A2, worker: W2 })];
    expect(asked({ api: A2, worker: { ...W2, code: 'w3' } }, both)).toEqual([]);
    expect(asked({ api: A2, worker: W2 }, both)).toEqual(['r1']);
    expect(asked({ api: A2, worker: { ...W2, code: 'w1' } }, both, ['api'])).toEqual(['r1']);
  });

  test('also beside a target that serves it already, put there by something else', () => {
    const both = [bad({ api: A2, worker: W2 })];
    const again = { api: { ...A2, code: 'a3' }, worker: W2 };
    expect(asked(again, both, ['worker'], ['api'])).toEqual(['r1']);
    expect(
      asked({ api: A2, worker: { ...W2, code: 'w3' } }, [bad({ api: A2 })], ['worker'], ['api']),
    ).toEqual(['r1']);
    // An adoption brings what serves already.
    expect(asked({ api: A2 }, [bad({ api: A2 })], [], ['api'])).toEqual(['r1']);
    expect(asked(again, both, [], ['api', 'worker'])).toEqual([]);
  });

  test('not by artifacts that it leaves where they are', () => {
    expect(asked({ api: A2, worker: W2 }, [bad({ api: A2 })], ['worker'])).toEqual([]);
    expect(asked({ api: A2 }, [bad({ api: A2 })], [])).toEqual([]);
  });

  test('not by a release of which nothing is known but its name', () => {
    expect(asked({ api: A2 }, [bad({})])).toEqual([]);
    expect(asked({ api: A2 }, [bad({}, 'r9')])).toEqual(['r9']);
  });
});

test('a refusal of the same release names it once, and says what else must be known', () => {
  expect(keptOut('r1', 'shop--r1--2', bad({ api: A2 }), '; it serves')).toBe(
    'release r1 was reverted as shop--r1--1 (errors went up); it serves; upload a fixed release, or run retry shop--r1--2 to release it anyway.',
  );
});

test('a refusal names the earlier release, its reason, the artifacts and the way past it', () => {
  expect(keptOut('r9', 'shop--r9--1', bad({ api: A2, worker: { version: '' } }))).toBe(
    'release r9 has the same artifacts (api version 2, worker) as release r1, which was reverted as shop--r1--1 (errors went up); upload a fixed release, or run retry shop--r9--1 to release it anyway.',
  );
});

test('a manifest says what a zip or an image is made of, and the number of a version', () => {
  expect(madeFrom({ zip: { key: 'k', versionId: 'v', sha256: 'abc=' } })).toEqual({
    version: '',
    code: 'abc=',
  });
  expect(madeFrom({ image: 'r/shop@sha256:12' })).toEqual({ version: '', code: 'sha256:12' });
  expect(madeFrom({ version: '4' })).toEqual({ version: '4' });
});

describe('what is quarantined', () => {
  const made = { api: { version: '8', code: 'a8' }, worker: { version: '4', code: 'w4' } };
  const failed = (target: string) => ({
    type: 'Measured' as const,
    at: 2,
    alarms: [],
    verdict: {
      status: 'fail' as const,
      reason: 'it is fail',
      from: 0,
      to: 1,
      findings: ['api', 'worker'].map((name) => ({
        ...{
          target: name,
          metric: 'errors' as const,
          status: name === target ? ('fail' as const) : ('pass' as const),
        },
        ...{
          canary: { bad: 1, total: 2 },
          stable: { bad: 0, total: 2 },
          windows: 1,
          evidence: 9,
          reason: 'bad',
        },
      })),
    },
  });
  const left = (cause: 'canary' | 'human') =>
    fold([
      ...[onFirstStep({ targets: TWO_TARGETS, made })].flat(),
      failed('worker'),
      revertOrdered(2, { cause }),
      reverted(3),
      closed(3),
    ]);

  test('is the artifact that the evidence names', () => {
    const rollout = left('canary');
    expect(rollout && quarantineOf(rollout)?.made).toEqual({ worker: made.worker });
  });

  const blamedBy = (...history: RolloutEvent[]) => {
    const rollout = stateAfter(history, revertOrdered(2), reverted(3), closed(3));
    return quarantineOf(rollout)?.made;
  };

  test('is the artifact whose hook failed on a step', () => {
    const hooks: Hook[] = ['api', 'worker'].map((name, at) => ({
      ...{ id: `afterStep.${at + 1}`, point: 'afterStep', kind: 'lambda', target: name },
      ...{ spec: { functionName: 'f' }, timeoutSeconds: 30, onBroken: 'revert' },
    }));
    const answered: RolloutEvent = {
      ...{ type: 'HookAnswered', at: 2, hook: 'afterStep.2@0', status: 'fail', reason: 'no' },
    };
    expect(blamedBy(...onFirstStep({ targets: TWO_TARGETS, made, hooks }), answered)).toEqual({
      worker: made.worker,
    });
  });

  test('is the artifact that passed a limit', () => {
    const failing = failed('nobody');
    const limit = { target: 'worker', status: 'fail' as const, reason: 'too old' } as never;
    const measured = { ...failing, verdict: { ...failing.verdict, limits: [limit] } };
    expect(blamedBy(...onFirstStep({ targets: TWO_TARGETS, made }), measured)).toEqual({
      worker: made.worker,
    });
  });

  test('is all that was changed where the evidence names none, with what is known of it', () => {
    const history = onFirstStep({ targets: TWO_TARGETS, made: { api: made.api } });
    expect(blamedBy(...history)).toEqual({ api: made.api, worker: { version: '4' } });
    expect(blamedBy(...history, failed('nobody'))).toEqual({ api: made.api, worker: { version: '4' } });
  });

  test('is nothing of a rollout that did not leave, left for no fault of its own, or is a rollback', () => {
    const rollsBack = bad({ api: A2 });
    expect(quarantineOf(stateAfter(onFirstStep()))).toBeUndefined();
    for (const cause of ['environment', 'drift', 'timeout'] as const)
      expect(quarantineOf(stateAfter(onFirstStep(), revertOrdered(2, { cause })))).toBeUndefined();
    expect(quarantineOf(stateAfter(onFirstStep({ rollsBack }), revertOrdered(2)))).toBeUndefined();
  });

  test('is all that was changed if a person ordered it out', () => {
    const rollout = left('human');
    expect(rollout && quarantineOf(rollout)?.made).toEqual(made);
  });
});

describe('a completion', () => {
  test('lifts the quarantine of what serves everybody now, under whatever name', () => {
    const record = { quarantined: [bad({ api: { version: '3', code: 'a8' } }), bad({ api: A2 }, 'r2')] };
    const made = { api: { version: '8', code: 'a8' } };
    const done = stateAfter(inVerify({ made }), closed(12, 'completed'));
    expect(serviceAfter(record, done).quarantined?.map(({ release }) => release)).toEqual(['r2']);
  });

  test('of one of two blamed artifacts leaves the other blamed', () => {
    const left = withoutCompleted([bad({ api: A2, worker: W2 })], 'r9', { api: { ...A2, version: '9' } });
    expect(left).toEqual([bad({ worker: W2 })]);
    expect(asked({ api: A2, worker: W2 }, left ?? [])).toEqual(['r1']);
    expect(asked({ api: A2 }, left ?? [])).toEqual([]);
  });

  test('of a release leaves nothing of its own name', () => {
    expect(withoutCompleted([bad({ api: A2 }, 'r9')], 'r9', {})).toEqual([]);
    expect(withoutCompleted(undefined, 'r9', {})).toBeUndefined();
  });
});

test('a quarantine is lifted by the names of its releases, and nothing else of the service is', () => {
  const service = {
    seq: 3,
    quarantined: [bad({ api: A2 }), bad({ api: A2 }, 'r2'), bad({ worker: W2 }, 'r3')],
  };
  expect(withoutQuarantine(service, ['r1', 'r3'])).toEqual({
    ...service,
    quarantined: [service.quarantined[1]],
  });
  expect(withoutQuarantine(service, [])).toBe(service);
  expect(withoutQuarantine({ seq: 3 }, ['r1'])).toEqual({ seq: 3 });
});

test('a quarantine that was lifted for an attempt ends with it only if that was admitted', () => {
  const lifted = (...end: RolloutEvent[]) => liftedWith(stateAfter(onFirstStep(), ...end), ['r1']);
  expect(lifted()).toEqual(['r1']);
  expect(lifted(closed(1, 'completed'))).toEqual(['r1']);
  for (const outcome of ['refused', 'superseded'] as const) expect(lifted(closed(1, outcome))).toEqual([]);
});

test('a full list forgets the oldest, keeps the newest, and cuts a long reason', () => {
  const many = Array.from({ length: 50 }, (_, index) => bad({ api: A2 }, `old-${index}`));
  const list = withQuarantined(many, { ...bad({ api: A2 }, 'new'), reason: 'x'.repeat(5_000) });
  expect([list.length, list[0]?.release, list.at(-1)?.release]).toEqual([50, 'old-1', 'new']);
  expect(list.at(-1)?.reason).toHaveLength(300);
});
