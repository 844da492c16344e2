import { describe, expect, test } from 'vitest';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import { dueAt, PUBLISH_SECONDS_MAX } from '../../../core/rollout/due.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import type { Publishing } from '../../../core/target.ts';
import {
  aborted,
  directiveAt,
  given,
  minute,
  onFirstStep,
  opened,
  revertOrdered,
  smokeHooks,
  stateAfter,
  target,
} from './given.ts';

const ZIP: Publishing = {
  from: 'zip',
  bucket: 'releases',
  key: 'releases/checkout-api/r8/artifacts/api.zip',
  versionId: 'v1',
  sha256: 'x',
  revision: 'r',
};
const unpublished = (publish: Publishing = ZIP) => target('api', { canary: '', publish });
const published = (name: string, version: string, minutes: number): RolloutEvent => ({
  type: 'Published',
  at: minute(minutes),
  target: name,
  version,
});
const continued = (epoch: number, minutes: number): RolloutEvent => ({
  type: 'Continued',
  at: minute(minutes),
  epoch,
});
const LIMIT = PUBLISH_SECONDS_MAX / 60;

describe('publishing', () => {
  test('comes before every hook and every raise', () => {
    const opening = opened({ targets: [unpublished()], hooks: smokeHooks('/health') });
    expect(directiveAt(1, opening)).toEqual({ kind: 'publish', target: 'api' });
  });

  test('has its time; after it the release is refused, and nobody blamed', () => {
    const opening = opened({ targets: [unpublished()] });
    expect(directiveAt(LIMIT, opening).kind).toBe('publish');
    expect(directiveAt(LIMIT + 0.1, opening)).toEqual({
      kind: 'revert',
      cause: 'timeout',
      reason: 'api could not be published in time',
      outcome: 'refused',
    });
    expect(dueAt(stateAfter(opening))).toBe(minute(LIMIT));
  });

  test('of an abort is no more', () => {
    expect(directiveAt(2, opened({ targets: [unpublished()] }), aborted(1))).toMatchObject({
      kind: 'revert',
      outcome: 'refused',
    });
  });

  test('is written down with the version, which is the canary from then on', () => {
    given(opened({ targets: [unpublished()] }))
      .when({ type: 'RecordPublished', target: 'api', version: '9' }, 2)
      .then(published('api', '9', 2));
    const { opening } = stateAfter(opened({ targets: [unpublished()] }), published('api', '9', 2));
    expect(opening.targets).toEqual([target('api', { canary: '9', publish: undefined, replaced: true })]);
  });

  test('of a version that is only waited for has replaced no code', () => {
    const opening = opened({ targets: [target('api', { publish: { from: 'await' } })] });
    expect(stateAfter(opening, published('api', '8', 2)).opening.targets[0]?.replaced).toBe(false);
  });

  test('of an artifact that is in quarantine under another name and version refuses the release', () => {
    const made = { code: 'bad', config: 'x' };
    const bad = (code: string) => [
      {
        release: 'r5',
        rolloutId: 'checkout-api--r5--1',
        reason: 'it failed',
        made: { api: { ...made, code, version: '3' } },
      },
    ];
    const found = (code: string) =>
      decide(
        stateAfter(opened({ targets: [unpublished()], made: { api: { version: '' } } })),
        { type: 'RecordPublished', target: 'api', version: '9', made, quarantined: bad(code) },
        minute(2),
      );
    expect(found('bad')).toMatchObject([
      { type: 'Published', version: '9', made },
      { type: 'RevertOrdered', cause: 'environment', reason: expect.stringContaining('as release r5') },
    ]);
    expect(found('good')).toMatchObject([{ type: 'Published' }]);
    expect(found('good')).toHaveLength(1);
  });

  test('of all targets is followed by a fresh execution, which knows the versions', () => {
    const worker = target('worker', { canary: '', publish: ZIP });
    const first = [opened({ targets: [unpublished(), worker] }), published('api', '9', 1)];
    expect(directiveAt(1, first)).toEqual({ kind: 'publish', target: 'worker' });
    const both = [...first, published('worker', '4', 2)];
    expect(directiveAt(2, both)).toEqual({ kind: 'continue' });
    given(both).when({ type: 'Continue' }, 2).then(continued(2, 2));
    expect(directiveAt(2, both, continued(2, 2))).toEqual({ kind: 'shift', target: 'api', weight: 10 });
  });

  test('that can never succeed refuses the release for its own fault', () => {
    const refuse: Command = { type: 'Refuse', reason: 'the zip has no handler' };
    given(opened({ targets: [unpublished()] }))
      .when(refuse, 1)
      .then(revertOrdered(1, { outcome: 'refused', reason: 'the zip has no handler' }));
    given(onFirstStep(), aborted(2)).when(refuse, 3).thenNothing();
  });
});

test('what a published version is made of is kept, also in an opening that knew nothing of it', () => {
  const published = {
    type: 'Published' as const,
    ...{ at: minute(1), target: 'api', version: '9', made: { code: 'c', config: 'd' } },
  };
  const { opening } = stateAfter(opened({ targets: [unpublished()], made: undefined }), published);
  expect(opening.made).toEqual({ api: { version: '9', code: 'c', config: 'd' } });
});
