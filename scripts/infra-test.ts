// `npm run test:infra`: types of the infrastructure, then tests on its whole resource graph, and SST's own command
// line against stand-ins of Pulumi and AWS. Needs the npm registry once.
import { spawnSync } from 'node:child_process';
import { handedOn } from './arguments.ts';
import { ensurePlatform, ROOT } from './infra/platform.ts';

const more = handedOn({
  name: 'npm run test:infra --',
  takes: ['[ARGUMENT OF VITEST...]'],
  does: 'checks the types of the infrastructure and tests its resource graph and the command line of SST; installs what SST needs once',
});
ensurePlatform();

const run = (command: string[], stdio: 'inherit' | 'pipe') =>
  spawnSync(process.execPath, command, { cwd: ROOT, stdio, encoding: 'utf8' });

// SST's components come as TypeScript and are checked along; what is wrong in them is not ours to fix. Core is checked by the
// project's own settings, which are stricter than what SST's components bear.
const types = run(
  ['node_modules/typescript/bin/tsc', '-p', 'infra/tsconfig.json', '--pretty', 'false'],
  'pipe',
);
const ours = types.stdout
  .split('\n')
  .filter((line) => /error TS/.test(line) && !/^(?:\.sst|core)\//.test(line));
console.log(ours.length === 0 ? 'ok     types of the infrastructure' : ours.join('\n'));

// The stand-in for `pulumi` is started by a shell.
if (process.platform === 'win32') {
  const message = "SST'S COMMAND LINE DID NOT RUN: its tests need Linux or macOS.";
  console.error(`\n${'!'.repeat(message.length)}\n${message}\n${'!'.repeat(message.length)}\n`);
  if (process.env.CI !== undefined) process.exit(1);
  more.push('--exclude', 'test/infra/cli/**');
}
const tests = run(
  ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.infra.config.ts', ...more],
  'inherit',
);
process.exitCode = ours.length === 0 && tests.status === 0 ? 0 : 1;
