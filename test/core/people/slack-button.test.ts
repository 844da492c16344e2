import { expect, test } from 'vitest';
import {
  BUTTONS,
  buttonValue,
  buttonValueFrom,
  type COMMANDING,
  commandOf,
  REASON,
} from '../../../core/people/slack-button.ts';

const rolloutId = 'checkout--r1--1';

test.each<[(typeof COMMANDING)[number], object, object | undefined]>([
  ['abort', {}, { command: 'abort', rolloutId, reason: 'odd' }],
  ['pause', {}, { command: 'pause', rolloutId, reason: 'odd' }],
  ['resume', {}, { command: 'resume', rolloutId }],
  ['promote', { step: 0 }, { command: 'promote', rolloutId, step: 0, full: false }],
  ['promote', {}, undefined],
  ['approve', { gate: 50 }, { command: 'approve', rolloutId, gate: 50 }],
  ['approve', {}, undefined],
  ['reject', { gate: 50 }, { command: 'reject', rolloutId, gate: 50, reason: 'odd' }],
  ['reject', {}, undefined],
  ['acknowledge', { page: 'halted' }, { command: 'acknowledge', rolloutId, page: 'halted' }],
])('the button %s with %j gives %j', (button, more, command) => {
  expect(commandOf(button, { rolloutId, ...more }, 'odd')).toEqual(command);
});

test('names and values fit into what Slack takes', () => {
  expect([...BUTTONS, REASON].every((id) => id.length <= 255)).toBe(true);
  const most = { rolloutId: 'r'.repeat(60), step: 100, gate: 100, page: 'paused 1800000000000' };
  expect(buttonValue(most).length).toBeLessThan(2_000);
  expect(buttonValueFrom(buttonValue(most))).toEqual(most);
});

test.each([
  '',
  'checkout--r1--1',
  'null',
  '[]',
  '{}',
  '{"rolloutId":""}',
  `{"rolloutId":"${'r'.repeat(101)}"}`,
  '{"rolloutId":1}',
  '{"rolloutId":"checkout--r1--1","step":-1}',
  '{"rolloutId":"checkout--r1--1","step":0.5}',
  '{"rolloutId":"checkout--r1--1","gate":"50"}',
  `${'['.repeat(10_000)}`,
])('%s is the value of no button', (value) => {
  expect(buttonValueFrom(value)).toBeUndefined();
});
