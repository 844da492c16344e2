// `npm run check`: what CI runs. Each part runs even after another failed, so that one look shows all there is to fix.
import { spawnSync } from 'node:child_process';
import { given } from './arguments.ts';

const PARTS: [string, string[]][] = [
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '.']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['types of the dashboard', ['node_modules/typescript/bin/tsc', '-p', 'page/tsconfig.json']],
  ['reference docs are current', ['scripts/reference.ts', '--check']],
  ['tests', ['node_modules/vitest/vitest.mjs', 'run']],
];

given({
  name: 'npm run check',
  takes: [],
  does: `what CI runs first: ${PARTS.map(([name]) => name).join(', ')}`,
  options: {},
});
const results = PARTS.map(([name, command]) => {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  return { name, ok: status === 0, seconds: (performance.now() - began) / 1000 };
});

console.log('');
for (const { name, ok, seconds } of results)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
const failed = results.filter(({ ok }) => !ok).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
