// `npm run sst -- COMMAND`: SST's own command line, such as `deploy --stage NAME`, with its reports to its makers off unless
// the environment says otherwise.
import { spawnSync } from 'node:child_process';
import { ROOT } from './infra/platform.ts';

const { status, error } = spawnSync(
  process.execPath,
  [`${ROOT}node_modules/sst/bin/sst.mjs`, ...process.argv.slice(2)],
  { cwd: ROOT, stdio: 'inherit', env: { SST_TELEMETRY_DISABLED: '1', ...process.env } },
);
if (error !== undefined) console.error(error.message);
process.exitCode = status ?? 1;
