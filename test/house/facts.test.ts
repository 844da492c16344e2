import { describe, expect, test } from 'vitest';
import { FUNCTIONS, factsOf, patternOf, RULES } from '../../infra/facts.ts';
import { restated, type Table, tableProblems } from './facts.ts';
import { lex } from './lex.ts';
import { lexed, sourcesIn, textOf } from './project.ts';

const readTable = (): Table => JSON.parse(textOf('infra/controller.json'));
const machine = textOf('statemachines/rollout.asl.json');
const files = sourcesIn('functions')
  .map((file) => file.slice('functions/'.length).replace(/\.ts$/, ''))
  .filter((name) => !name.startsWith('_'));

describe('infra/controller.json', () => {
  test('has every function, what starts it and what it is given, and agrees with the state machine', () => {
    expect(tableProblems(readTable(), files, machine)).toEqual([]);
  });

  test.each<[string, (table: Table) => void, string]>([
    [
      'a function that is missing',
      ({ functions }) => void delete functions.AlarmEvent,
      'AlarmEvent is not in the table',
    ],
    [
      'a state whose function is missing',
      ({ functions }) => void delete functions.Hold,
      'Hold is not in the table',
    ],
    [
      'a function without a file',
      ({ functions }) => Object.assign(functions, { Forget: { ...functions.Command } }),
      'Forget has no file',
    ],
    [
      'a function that nothing starts',
      ({ functions }) => functions.Command?.startedBy.splice(0),
      'Command is started by nothing',
    ],
    [
      'a rule that is gone',
      ({ rules }) => void delete rules.AlarmChanged,
      'AlarmEvent is started by AlarmChanged, which does not exist',
    ],
    [
      'a function that no state calls',
      ({ functions }) => functions.Command?.startedBy.push('machine'),
      'Command and the state machine do not agree whether it calls it',
    ],
    [
      'a state that waits too long',
      ({ functions }) => Object.assign(functions.Hold ?? {}, { seconds: 60 }),
      'Hold keeps a state waiting for 60 s',
    ],
    [
      'an event that is lost in silence',
      ({ functions }) => void delete functions.Watchdog?.triedForSeconds,
      'Watchdog must say how long it is tried, if and only if nobody waits for it',
    ],
    [
      'a pattern that nobody can fill in',
      ({ rules }) => Object.assign(rules.AlarmChanged ?? {}, { pattern: { source: [`\${alarm}`] } }),
      `AlarmChanged needs \${alarm}, which nobody gives`,
    ],
  ])('%s is found', (_, plant, says) => {
    const table = readTable();
    plant(table);
    expect(tableProblems(table, files, machine)).toContain(says);
  });

  test('is said nowhere else', () => {
    const others = sourcesIn(
      ...['infra', 'local', 'simulation', 'targets', 'demo', 'client', 'cli', 'controller', 'functions'],
      ...['adapters', 'core', 'scripts'],
    );
    expect(others.flatMap((file) => restated(file, lexed(file), FUNCTIONS))).toEqual([]);
  });

  test.each([
    ['local/x.ts', "const RESERVED = ['AlarmEvent', 'Command', 'Hold'];"],
    ['cli/x.ts', "call(['Command', 'ReadRollout'])"],
    ['infra/x.ts', 'const LARGER = { Measure: { seconds: 10, megabytes } };'],
    ['infra/x.ts', 'new Function({ memory: 512 })'],
    ['local/x.ts', "const pattern = { source: ['aws.s3'], 'detail-type': ['Object Created'] };"],
  ])('%s may not say %s', (file, source) => {
    expect(restated(file, lex(source), FUNCTIONS)).toHaveLength(1);
  });

  test('gives its patterns the names of one controller', () => {
    const controller = { bucket: 'uploads', environment: 'ada', machine: 'arn:machine' };
    const patterns = JSON.stringify(RULES.map((rule) => patternOf(rule, controller)));
    expect(patterns).toContain('{"name":["uploads"]}');
    expect(patterns).toContain('"stateMachineArn":["arn:machine"]');
    expect(patterns).not.toContain(`\${`);
  });
});

test.each(['Command', 'JournalStream'] as const)(
  '%s waits longer for an opening than that may run',
  (name) => {
    const [, waits = ''] =
      /OPENING_CLIENT: Limits = \{.*?requestTimeout: ([\d_]+)/s.exec(textOf('functions/_ports.ts')) ?? [];
    const seconds = Number(waits.replace('_', '')) / 1000;
    expect(seconds).toBeGreaterThan(factsOf('OpenRollout').seconds);
    expect(factsOf(name).seconds).toBeGreaterThan(seconds + 10);
  },
);
