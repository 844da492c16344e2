import { describe, expect, test } from 'vitest';
import { hookAnswerFrom } from '../../core/hook-answer.ts';
import { plainText, printable, printableJson, withPlainTexts } from '../../core/plain-text.ts';
import { decide } from '../../core/rollout/decide.ts';
import { describe as told } from '../../core/rollout/story.ts';
import { actor, minute, onFirstStep, opened, record, smokeHooks, stateAfter } from './rollout/given.ts';

const TITLE = '\u001b]0;owned\u0007';
const EVIL = `${TITLE}\u001b[2K\r\u001b[32mcompleted: all good\u001b[0m\n::error::x\n::set-output name=a::b ##[error]y \u202Egnp\u2069\u0000\u009b31m\u2028end`;

describe('a text of others', () => {
  test.each([
    ['the title of the window', `${TITLE}late`, 'late'],
    ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['colours by one character', '\u009b31mred', 'red'],
    ['an escape that is not complete', '\u001b]0;owned', ']0;owned'],
    ['line ends of all kinds', 'a\r\nb\u2028c\u0085d', 'a b c d'],
    ['what turns the direction of the text', 'a\u202Egnp.exe\u2069', 'agnp.exe'],
    ['what shows nothing', 'ad\u200Bmin\u00AD', 'admin'],
    ['commands of GitHub Actions', '::error file=a::b', ': :error file=a::b'],
    ['those in the middle', 'late ::set-output name=a::b', 'late : :set-output name=a::b'],
    ['any at the beginning, in capitals too', '  ::ADD-MASK::b', ': :ADD-MASK::b'],
    ['commands of Azure Pipelines', '##vso[task.complete]', '# #vso[task.complete]'],
    ['its older ones', '##[error]late', '# #[error]late'],
  ])('loses %s', (_, text, plain) => {
    expect(plainText(text)).toBe(plain);
    expect(plainText(plain)).toBe(plain);
  });

  test.each([
    'naïve – 8,120 €',
    'arn:aws:iam::123456789012:role/x',
    'AWS::Lambda::Function',
    '日本 🚀',
    'a # b',
  ])('keeps %s', (text) => expect(plainText(text)).toBe(text));

  test('keeps its own line ends and indentation where it is printed', () => {
    expect(printable('one\n  notice: two\n::error::x')).toBe('one\n  notice: two\n: :error::x');
  });

  test('is printed as JSON that reads back as the same', () => {
    const printed = printableJson({ said: EVIL });
    expect(printed).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
    expect(JSON.parse(printed)).toEqual({ said: EVIL });
  });

  test.each(['##vso[task.setvariable variable=a]b', '##[error]a', '\\##teamcity[x'])(
    'is printed as JSON in which %s is no command',
    (said) => {
      const printed = printableJson({ said });
      expect(printed).not.toMatch(/##/);
      expect(JSON.parse(printed)).toEqual({ said });
    },
  );

  test('is made plain where it is said, and not where it is sent on or compared', () => {
    const spec = { body: 'a\nb' };
    expect(
      withPlainTexts({ reason: 'a\nb', spec, findings: [{ skipped: ['c\td'], target: 'x\n' }] }),
    ).toEqual({
      ...{ reason: 'a b', spec, findings: [{ skipped: ['c d'], target: 'x\n' }] },
    });
  });
});

const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|::error::|::set-output name=a::|##\[/u;

describe('what others say reaches neither the journal nor a terminal as they wrote it', () => {
  const running = stateAfter(onFirstStep());
  const asked = stateAfter([opened({ hooks: smokeHooks('/health') })]);
  const verdict = { ...record('broken', [1, 2]), probes: undefined };
  if (verdict.type !== 'RecordMeasure') throw new Error('It is a measure.');
  verdict.verdict = { ...verdict.verdict, reason: EVIL };

  test.each([
    ['a person who aborts', running, { type: 'Abort', by: actor(EVIL), reason: EVIL }],
    ['a person who pauses', running, { type: 'Pause', by: actor(EVIL), reason: EVIL }],
    ['a smoke test or hook', asked, { type: 'AnswerHook', hook: 'smoke.1', status: 'fail', reason: EVIL }],
    ['a metric that cannot be read', running, verdict],
    ['what takes a dead execution over', running, { type: 'TakeOver', reason: EVIL }],
    ['what puts a move off', running, { type: 'Defer', until: minute(9), reason: EVIL }],
    ['what refuses a release', asked, { type: 'Refuse', reason: EVIL }],
  ] as const)('of %s', (_, rollout, command) => {
    const events = decide(rollout, command, minute(4));
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(unescaped(event)).not.toMatch(DANGEROUS);
  });

  test('of a hook, in its answer', () => {
    expect(hookAnswerFrom(JSON.stringify({ status: 'fail', reason: EVIL })).reason).not.toMatch(DANGEROUS);
    expect(hookAnswerFrom(EVIL).reason).not.toMatch(DANGEROUS);
  });

  test('of an event that was kept as it was written', () => {
    const line = told(
      { type: 'Aborted', at: minute(1), by: actor(EVIL), reason: EVIL },
      stateAfter(onFirstStep()),
    );
    expect(line).toContain('all good');
    expect(line).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]|^::|##\[/mu);
  });
});

/** All texts in a value, one after the other. */
function unescaped(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? Object.values(value).map(unescaped).join(' | ') : '';
}
