import { describe, expect, test } from 'vitest';
import { cycles, type Declared, exportProblems, importProblems, importsOf, waysBetween } from './imports.ts';
import { sources, sourcesIn, textOf } from './project.ts';

const declared = JSON.parse(textOf('package.json')) as Declared;
const problemsIn = (file: string, source: string) => importProblems(file, source, declared);

describe('the house', () => {
  test('every file imports only what its folder may import', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.flatMap((file) => problemsIn(file, textOf(file)))).toEqual([]);
  });

  test('no file leads back to itself, types included', () => {
    const product = sources.filter((file) => !file.startsWith('test/'));
    expect(cycles(Object.fromEntries(product.map((file) => [file, textOf(file)])), true)).toEqual([]);
  });

  test('analysis knows no rollout, types included, and nothing that knows one', () => {
    const core = Object.fromEntries(sourcesIn('core').map((file) => [file, textOf(file)]));
    expect(waysBetween(core, 'core/analysis/', 'core/rollout/')).toEqual([]);
  });

  test('no interface knows the fold of a rollout', () => {
    const knows = sourcesIn('client', 'cli').filter((file) => textOf(file).includes('core/rollout/state.ts'));
    expect(knows).toEqual([]);
  });

  test('exports have names, and no file is only a list of what others export', () => {
    // Tools ask for all but the last by their default export; Lambda asks for that one by its name.
    const exempt = [
      ...[
        'vitest.config.ts',
        'vitest.deep.config.ts',
        'vitest.browser.config.ts',
        'vitest.infra.config.ts',
        'vitest.mutation.config.ts',
        'vitest.package.config.ts',
        'vitest.runtime.config.ts',
        'vitest.wire.config.ts',
        'sst.config.ts',
      ],
      'test/wire/setup.ts',
      'test/browser/setup.ts',
      'examples/shop/sst.config.ts',
      'examples/web-shop/vite.config.js',
      'examples/checkout-api/app/index.mjs',
      'examples/web-shop/api/index.mjs',
    ];
    const problems = sources
      .filter((file) => !exempt.includes(file))
      .flatMap((file) => exportProblems(file, textOf(file)));
    expect(problems).toEqual([]);
  });
});

describe('the checker', () => {
  test('finds every form of import, and none in a comment or a text', () => {
    const source = `
      import * as a from 'a';
      import b, { type B } from "b";
      import type {
        C,
      } from './c.ts';
      import 'd';
      export * from 'e';
      export * as f from 'f';
      export type { G } from 'g';
      export { h as i } from 'h';
      const j = await import('j');
      type K = import('k').K;
      const l = require('l');
      const m = createRequire(import.meta.url)('m');
      const n = await import(path);
      // import o from 'o';
      const p = "import p from 'p'";
      const q = \`import('q')\`;
      const { from } = { from: 'r' };
      export const s = { from: 's' };
    `;
    const found = importsOf(source);
    expect(found.map(({ from }) => from)).toEqual([
      ...['a', 'b', './c.ts', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'l', 'm'],
      undefined,
    ]);
    expect(found.filter(({ isType }) => isType).map(({ from }) => from)).toEqual(['./c.ts', 'g']);
  });

  test.each([
    ['core/plan/plan.ts', "import { reach } from '../../adapters/_aws.ts';"],
    ['core/plan/plan.ts', "import type { Handler } from '../../functions/_lambda.ts';"],
    ['core/plan/plan.ts', "export { virtualClock } from '../../local/clock.ts';"],
    ['core/plan/plan.ts', "const { readFileSync } = await import('node:fs');"],
    ['core/plan/plan.ts', "import { readFileSync } from 'fs';"],
    ['core/plan/plan.ts', "import { parse } from 'yaml';"],
    ['core/plan/plan.ts', "import * as z from 'zod';"],
    ['core/plan/plan.ts', "import type { LambdaClient } from '@aws-sdk/client-lambda';"],
    ['core/plan/plan.ts', 'const all = await import(name);'],
    ['adapters/x.ts', "import { decide } from '../functions/decide.ts';"],
    ['adapters/x.ts', "import { createWorld } from '../local/world.ts';"],
    ['adapters/x.ts', "import fc from 'fast-check';"],
    ['targets/a/kind.ts', "import { reach } from '../../adapters/_aws.ts';"],
    ['targets/a/kind.ts', "import { lambdaAlias } from './router.ts';"],
    ['targets/a/router.ts', "import { rights } from '../b/rights.ts';"],
    ['targets/a/router.ts', "import { wake } from '../../controller/wake.ts';"],
    ['targets/a/rights.ts', "import type { Place } from '../../infra/place.ts';"],
    ['targets/a/router.ts', "import { createWorld } from '../../local/world.ts';"],
    ['targets/kinds.ts', "import { reach } from '../adapters/_aws.ts';"],
    ['core/x.ts', "import { KINDS } from '../targets/kinds.ts';"],
    ['controller/x.ts', "import { KINDS } from '../targets/kinds.ts';"],
    ['controller/x.ts', "import { reach } from '../adapters/_aws.ts';"],
    ['controller/x.ts', "import type { Handler } from '../functions/_lambda.ts';"],
    ['controller/open/x.ts', "import * as z from 'zod/mini';"],
    ['adapters/x.ts', "import { wake } from '../controller/wake.ts';"],
    ['core/x.ts', "import type { Ports } from '../controller/ports.ts';"],
    ['functions/x.ts', "import { createWorld } from '../local/world.ts';"],
    ['functions/x.ts', "import { readFileSync } from 'node:fs';"],
    ['local/x.ts', "import { validate } from '../cli/commands/validate.ts';"],
    ['local/x.ts', "import { given } from '../test/core/rollout/given.ts';"],
    ['local/x.ts', "import { left } from 'left-pad';"],
    ['cli/x.ts', "import { loop } from '../scripts/benchmarks/loop.ts';"],
    ['cli/x.ts', "import { createWorld } from '../local/world.ts';"],
    ['cli/x.ts', "import type { Task } from '../functions/_lambda.ts';"],
    ['cli/x.ts', "import { lambdaAlias } from '../targets/lambda-alias/router.ts';"],
    ['client/x.ts', "import { lambdaAlias } from '../targets/lambda-alias/router.ts';"],
    ['client/x.ts', "import { say } from '../cli/print.ts';"],
    ['client/x.ts', "import { createWorld } from '../local/world.ts';"],
    ['functions/x.ts', "import type { Client } from '../client/client.ts';"],
    ['local/x.ts', "import { playCase } from '../simulation/play.ts';"],
    ['demo/x.ts', "import { playCase } from '../simulation/play.ts';"],
    ['simulation/x.ts', "import { tell } from '../demo/narrate.ts';"],
    ['scripts/x.ts', "import { handler } from '../examples/checkout-api/app/index.mjs';"],
    ['runtime/x.mjs', "import { tokenFrom } from '../core/rollout/fencing-token.ts';"],
    ['runtime/x.mjs', "import { env } from 'node:process';"],
    ['runtime/x.mjs', "import * as z from 'zod';"],
    ['examples/x/index.mjs', "import { tokenFrom } from '../../core/rollout/fencing-token.ts';"],
    ['test/x.test.ts', "import { loop } from '../scripts/benchmarks/loop.ts';"],
    ['core/x.ts', "const code = await import('data:text/javascript,1');"],
    ['infra/x.ts', "import { tableDefinition } from '../adapters/dynamodb-table.ts';"],
    ['infra/x.ts', "import * as aws from '@pulumi/aws';"],
    ['local/x.ts', "import { statementsOf } from '../infra/grants.ts';"],
    ['functions/x.ts', "import { factsOf } from '../infra/facts.ts';"],
    ['lib/x.ts', "import * as z from 'zod';"],
  ])('%s may not say %s', (file, source) => {
    expect(problemsIn(file, source)).toHaveLength(1);
  });

  test.each([
    ['core/plan/plan.ts', "import * as z from 'zod/mini'; import type { Seconds } from '../units.ts';"],
    ['adapters/x.ts', "import { LambdaClient } from '@aws-sdk/client-lambda'; import 'node:fs/promises';"],
    ['functions/x.ts', "import middy from '@middy/core'; import { byKind } from '../adapters/registry.ts';"],
    ['controller/open/x.ts', "import type { Needs } from '../ports.ts'; import '../../core/errors.ts';"],
    [
      'targets/a/router.ts',
      "import './versions.ts'; import '../../core/errors.ts'; import '../../adapters/_aws.ts';",
    ],
    ['infra/x.ts', "import { TARGET_RIGHTS } from '../targets/rights.ts';"],
    ['local/x.ts', "import jsonata from 'jsonata'; const code = await import(url);"],
    [
      'demo/x.ts',
      "import { createWorld } from '../local/world.ts'; import { factsOf } from '../infra/facts.ts';",
    ],
    ['client/direct.ts', "import { byKind } from '../adapters/registry.ts';"],
    ['cli/x.ts', "import type { Client } from '../client/client.ts';"],
    ['scripts/x.ts', "import { LOCAL_URL } from '../client/local.ts';"],
    ['test/cli/x.test.ts', "import { validate } from '../../cli/commands/validate.ts';"],
  ])('%s may say %s', (file, source) => {
    expect(problemsIn(file, source)).toEqual([]);
  });

  test('a way into a folder is found, by types and through others too', () => {
    const judge = (source: string) => ({
      'core/analysis/judge.ts': source,
      'core/analysis/fold.ts': "import './judge.ts'",
      'core/ports.ts': "import type { Rollout } from './rollout/state.ts'",
      'core/rollout/state.ts': "import '../analysis/judge.ts'",
    });
    const ways = (source: string) => waysBetween(judge(source), 'core/analysis/', 'core/rollout/');
    expect(ways("import type { Rollout } from '../rollout/state.ts'")).toEqual([
      'core/analysis/judge.ts -> core/rollout/state.ts',
      'core/analysis/fold.ts -> core/analysis/judge.ts -> core/rollout/state.ts',
    ]);
    expect(ways("import type { Clock } from '../ports.ts'")).toEqual([
      'core/analysis/judge.ts -> core/ports.ts -> core/rollout/state.ts',
      'core/analysis/fold.ts -> core/analysis/judge.ts -> core/ports.ts -> core/rollout/state.ts',
    ]);
    expect(ways("import '../units.ts'")).toEqual([]);
  });

  test('a cycle is found with its way, and one of types only where types count', () => {
    const round = {
      'core/a.ts': "import './b.ts'",
      'core/b.ts': "import './c/d.ts'",
      'core/c/d.ts': "import '../a.ts'",
    };
    expect(cycles(round, false)).toEqual(['core/a.ts -> core/b.ts -> core/c/d.ts -> core/a.ts']);
    const typed = { 'core/a.ts': "import type { B } from './b.ts'", 'core/b.ts': "import './a.ts'" };
    expect(cycles(typed, true)).toHaveLength(1);
    expect(cycles(typed, false)).toEqual([]);
    const diamond = {
      'core/a.ts': "import './b.ts'; import './c.ts'",
      'core/b.ts': "import './c.ts'",
      'core/c.ts': '',
    };
    expect(cycles(diamond, true)).toEqual([]);
  });

  test.each([
    ['core/x.ts', 'export default function x() {}'],
    ['core/x.ts', 'const x = 1; export { x as default };'],
    ['core/plan/index.ts', 'export const x = 1;'],
    ['core/x.ts', "export * from './plan/plan.ts'; export const x = 1;"],
    [
      'core/x.ts',
      "import { a } from './a.ts';\nexport { b } from './b.ts';\nexport type { C } from './c.ts';\n",
    ],
  ])('%s may not export as in %s', (file, source) => {
    expect(exportProblems(file, source)).toHaveLength(1);
  });
});
