import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { page } from '../../cli/commands/report.ts';
import { viewOf } from '../../core/rollout/view.ts';
import { closed, measured, onFirstStep, reverted, stateAfter } from '../core/rollout/given.ts';
import { fakeClient, reads, spillway } from './called.ts';

const events = [...onFirstStep(), measured('fail', [1, 3]), reverted(4), closed(4)];
const viewed = () => viewOf(stateAfter(events));

describe('the page of a rollout', () => {
  test('tells every event that people are told of, in order', () => {
    const text = page(viewed(), events);
    const raised = text.indexOf('api raised to 10 %');
    expect(raised).toBeGreaterThan(0);
    // It stands in the first line too.
    expect(text.lastIndexOf('serves again')).toBeGreaterThan(raised);
  });

  test('says first how it ended', () => {
    expect(page(viewed(), events)).toMatch(/<h1>[^<]*<\/h1><p>\S+ reverted: /);
  });

  test('says whose time it tells', () => {
    expect(page(viewed(), events)).toContain('Times are UTC.');
  });

  test('that cannot be written is said in words', async () => {
    const { client } = fakeClient({ read: reads(events) });
    const { rolloutId } = viewed().opening;
    const { code, err } = await spillway(client, 'report', rolloutId, '/nowhere/at/all.html', '--local');
    expect({ code, err: err.trim() }).toEqual({
      code: 1,
      err: '/nowhere/at/all.html cannot be written: there is no such folder; make it first.',
    });
  });

  test('runs its own script alone and loads nothing: what came from outside is only text', () => {
    const evil = '</script><script>alert(1)</script>';
    const view = { ...viewed(), state: evil };
    const text = page(view, events);
    expect(text.match(/<script/g)).toHaveLength(2);
    expect(text.match(/<\/script/g)).toHaveLength(2);
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toMatch(/ src=|@import|url\(/);
    const [, policy = ''] = /content-security-policy" content="([^"]+)"/.exec(text) ?? [];
    const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(text) ?? [];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  });

  test('holds what the dashboard shows', () => {
    const [, json = ''] = /id="shown">(.*?)<\/script>/s.exec(page(viewed(), events)) ?? [];
    expect(JSON.parse(json)).toMatchObject({ phase: 'reverted', choices: [], story: expect.any(Array) });
  });
});
