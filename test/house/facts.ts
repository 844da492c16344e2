import type { FunctionFacts } from '../../infra/facts.ts';
import type { Lexed } from './lex.ts';
import { pascal } from './project.ts';

/** The table of `infra/controller.json`, as it may be wrong. */
export interface Table {
  functions: Record<string, Omit<FunctionFacts, 'startedBy'> & { startedBy: string[] }>;
  rules: Record<string, { says: string; pattern: object }>;
}

/** Longest that a function of the state machine may run: what it could not do is tried again, and users meet the canary meanwhile. */
const STATE_SECONDS_MAX = 10;

/** What is wrong with the table, where these files of functions and this state machine stand. */
export function tableProblems({ functions, rules }: Table, files: string[], machine: string): string[] {
  const names = Object.keys(functions);
  const called = [...new Set([...machine.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name))];
  const missing = [...files.map(pascal), ...called].filter((name) => !names.includes(name));
  const urls = ['url-iam', 'url-public'];
  const starters = [
    'machine',
    'journal',
    'scheduler',
    'agenda',
    'people',
    ...urls,
    ...names,
    ...Object.keys(rules),
  ];
  const waitedFor = ['machine', 'people', ...urls, ...names];
  return [
    ...new Set(missing.map((name) => `${name} is not in the table`)),
    ...Object.entries(functions).flatMap(([name, { startedBy, seconds, triedForSeconds }]) => [
      ...(files.map(pascal).includes(name) ? [] : [`${name} has no file`]),
      ...(startedBy.length > 0 ? [] : [`${name} is started by nothing`]),
      ...startedBy
        .filter((starter) => !starters.includes(starter))
        .map((starter) => `${name} is started by ${starter}, which does not exist`),
      ...(startedBy.includes('machine') === called.includes(name)
        ? []
        : [`${name} and the state machine do not agree whether it calls it`]),
      ...(startedBy.includes('machine') && seconds > STATE_SECONDS_MAX
        ? [`${name} keeps a state waiting for ${seconds} s`]
        : []),
      // A function may wait for another one, or not.
      ...(startedBy.every((starter) => names.includes(starter)) ||
      startedBy.every((starter) => waitedFor.includes(starter)) === (triedForSeconds === undefined)
        ? []
        : [`${name} must say how long it is tried, if and only if nobody waits for it`]),
    ]),
    ...Object.entries(rules).flatMap(([rule, { pattern }]) =>
      [...JSON.stringify(pattern).matchAll(/\$\{(\w+)\}/g)]
        .filter(([, name = '']) => !['bucket', 'environment', 'machine'].includes(name))
        .map(([hole]) => `${rule} needs ${hole}, which nobody gives`),
    ),
  ];
}

/** Facts of the table that a file of code states again. */
export function restated(file: string, { code, texts }: Lexed, names: readonly string[]): string[] {
  const lists = [...code.matchAll(/\[\s*((?:"\d+",?\s*){2,})\]/g)].map(([, list = '']) =>
    [...list.matchAll(/\d+/g)].map(([text]) => texts[Number(text)] ?? ''),
  );
  const limits = file.startsWith('infra/')
    ? [...code.matchAll(/\b(seconds|megabytes|memory|timeout|reserved\w*)\s*:\s*\d/gi)]
    : [];
  return [
    ...lists
      .filter((list) => list.every((text) => names.includes(text)))
      .map((list) => `${file}: lists the functions ${list.join(', ')}`),
    ...limits.map(([limit]) => `${file}: says ${limit}`),
    ...[...code.matchAll(/"(\d+)"\s*:\s*\[/g)]
      .filter(([, text]) => texts[Number(text)] === 'detail-type')
      .map(() => `${file}: has an event pattern`),
  ];
}
