import { describe, expect, test } from 'vitest';
import { page } from '../../cli/commands/report.ts';
import { fold, type Rollout } from '../../core/rollout/state.ts';
import { closed, measured, onFirstStep, reverted } from '../core/rollout/given.ts';

const events = [...onFirstStep(), measured('fail', [1, 3]), reverted(4), closed(4)];
const folded = (): Rollout => {
  const rollout = fold(events);
  if (rollout === undefined) throw new Error('The history is empty.');
  return rollout;
};

describe('the page of a rollout', () => {
  test('tells every event that people are told of, in order', () => {
    const text = page(folded(), events);
    const raised = text.indexOf('api raised to 10 %');
    expect(raised).toBeGreaterThan(0);
    expect(text.indexOf('serves again')).toBeGreaterThan(raised);
  });

  test('runs nothing and loads nothing: what came from outside is only text', () => {
    const evil = '<script>alert(1)</script>';
    const rollout = { ...folded(), reason: evil };
    const text = page(rollout, events);
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toMatch(/src=|@import|url\(/);
  });
});
