import { expect, test } from 'vitest';
import type { Route } from '../../../core/people/access.ts';
import type { Notice } from '../../../core/people/notice.ts';
import { isAskedFor, isLoud, linksOf, routesOf, widest } from '../../../core/people/route.ts';

const notice = (importance: Notice['importance'], kind: Notice['kind'] = 'judged') =>
  ({ importance, kind }) as Notice;
const to = (only: Route['only']): Route => ({ slack: '#deploys', only });

test('a service is reported where all are, and where it is', () => {
  const notify = { '*': [{ slack: '#all' }], api: [{ slack: '#api' }] };
  const access = { groups: {}, people: {}, believedSessions: [], notify };
  expect(routesOf(access, 'api')).toEqual([{ slack: '#all' }, { slack: '#api' }]);
  expect(routesOf(access, 'constructor')).toEqual([{ slack: '#all' }]);
});

test('a route gets what it asks for, and everything that pages', () => {
  const asked = (only: Route['only']) =>
    (['page', 'important', 'detail'] as const).map((importance) => isAskedFor(to(only), notice(importance)));
  expect(asked(undefined)).toEqual([true, true, true]);
  expect(asked('important')).toEqual([true, true, false]);
  expect(asked('pages')).toEqual([true, false, false]);
  expect(isAskedFor(to('pages'), notice('important', 'acknowledged'))).toBe(true);
});

test('of two routes to one place the wider counts', () => {
  expect(widest(to('pages'), to('important')).only).toBe('important');
  expect(widest(to('pages'), to('pages')).only).toBe('pages');
  expect(widest(to('important'), to(undefined)).only).toBeUndefined();
});

test('a channel gets links that abort, and a topic or webhook none unless its route says so', () => {
  expect(linksOf({ slack: '#deploys' })).toBe('abort');
  expect(linksOf({ sns: 'arn' })).toBe('none');
  expect(linksOf({ webhook: 'https://x.example' })).toBe('none');
  expect(linksOf({ slack: '#deploys', links: 'view' })).toBe('view');
  expect(widest({ sns: 'arn' }, { sns: 'arn', links: 'view' }).links).toBe('view');
  expect(widest({ slack: '#deploys' }, { slack: '#deploys', links: 'view' }).links).toBe('abort');
});

test('everybody in a channel sees what pages and what went wrong', () => {
  expect(isLoud(notice('page'))).toBe(true);
  expect(isLoud(notice('important', 'reverting'))).toBe(true);
  expect(isLoud(notice('important', 'completed'))).toBe(false);
});
