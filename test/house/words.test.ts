import { describe, expect, test } from 'vitest';
import { files, textOf } from './project.ts';
import { BANNED, type Exception, found } from './words.ts';

/** Where people read our words: code and what runs it, texts of errors and of the command line, and the pages. */
const ROOMS =
  /^(?:core|controller|functions|adapters|targets|api|notify|edge|client|cli|local|simulation|demo|infra|scripts|statemachines|runtime|sst|examples|docs)\/|^[A-Z]+\.md$/;

/** Generated, or what others wrote. */
const NOT_OURS = /^(?:docs\/reference\/rollout-file\.schema\.json|CHANGELOG\.md)$/;

const DRAWN_BY =
  'the random numbers of a world are drawn by this name, so another one would change every seed';

/** The uses of a banned word that stay, each with its reason. */
const EXCEPTIONS: Exception[] = [
  {
    file: 'core/config/rollout-file.ts',
    text: 'holdBack: HOLD_BACK_WAS',
    why: 'refuses the old key and names the new one',
  },
  { file: 'simulation/case.ts', text: "fork('hold-back')", why: DRAWN_BY },
  ...['simulation/case.ts', 'simulation/faults.ts', 'simulation/play.ts'].flatMap((file) =>
    ['strangerMoves', 'strangerWeights', 'strangerStamps', 'strangerPutsBack', 'sameAgain'].map((text) => ({
      file,
      text,
      why: DRAWN_BY,
    })),
  ),
  ...['strangerMoves', 'strangerWeights', 'strangerStamps', 'strangerPutsBack'].map((text) => ({
    ...{ file: 'simulation/site.ts', text, why: DRAWN_BY },
  })),
  ...['docs/README.md', 'docs/decisions/43-verify-with-a-control.md'].map((file) => ({
    file,
    text: '18-hold-back-is-a-step.md',
    why: 'the name of a page, by which others link to it',
  })),
  {
    file: 'docs/README.md',
    text: '05-a-sealed-stamp-marks-completion.md',
    why: 'the name of a page, by which others link to it',
  },
  {
    file: 'docs/decisions/18-hold-back-is-a-step.md',
    text: '`holdBack',
    why: 'the key that the page is about, which is refused now',
  },
];

for (const file of ['docs/safety.md', 'simulation/checkers/checkers.ts', 'simulation/checkers/voices.ts'])
  EXCEPTIONS.push({
    file,
    text: 'toldOnceEach',
    why: 'the name of a checker, by which its promise is known',
  });

const ours = files.filter((file) => ROOMS.test(file) && !NOT_OURS.test(file));

describe('the words of the house', () => {
  test('are used, and no banned one', () => {
    expect(ours.length).toBeGreaterThan(300);
    expect(ours.flatMap((file) => found(file, textOf(file), EXCEPTIONS))).toEqual([]);
  });

  test('have no exception that nothing needs', () => {
    const idle = EXCEPTIONS.filter(
      (each) => !ours.some((file) => each.file === file && textOf(file).includes(each.text)),
    );
    expect(idle).toEqual([]);
  });
});

describe('the checker', () => {
  test.each(BANNED.flatMap(({ examples, instead }) => examples.map((text) => [text, instead])))(
    'finds "%s" and names "%s"',
    (text, instead) => {
      expect(found('core/a.ts', `// All is well.\nconst a = 1; // ${text}`)).toEqual([
        `core/a.ts:2: ${instead}`,
      ]);
    },
  );

  test.each([
    'The recommended amendment',
    'Nothing tells an outage from a bad canary, and code is told apart by its digest.',
    'The canary goes back to a lower weight.',
    'An alarm that people call in the night',
    'turn versioning on, then each target in turn',
    'against what it was',
    'time stamps of metrics',
    'A release has an id and an order; the weight stays where it is; asked in the order of the file.',
  ])('lets "%s" pass', (text) => {
    expect(found('core/a.ts', text)).toEqual([]);
  });

  test('passes what an exception names, in that file alone', () => {
    const exceptions = [{ file: 'core/a.ts', text: "what: 'the dead man'", why: 'it is quoted' }];
    const text = "const said = { what: 'the dead man' };";
    expect(found('core/a.ts', text, exceptions)).toEqual([]);
    expect(found('core/b.ts', text, exceptions)).toEqual(['core/b.ts:1: watchdog']);
    expect(found('core/a.ts', `${text}\n// the dead man`, exceptions)).toEqual(['core/a.ts:2: watchdog']);
  });
});
