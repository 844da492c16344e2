// Starts a script under a Node that can: the one from the `node` package, else the running one if it is new enough.
// Plain JavaScript, because the Node that runs this file may be too old for anything else.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FLOOR = { major: 22, minor: 18 };

/** @param {string} version such as "v22.18.0" @returns {boolean} whether it runs TypeScript without a flag */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > FLOOR.major || (major === FLOOR.major && minor >= FLOOR.minor);
}

/** The Node of the `node` package if it is there and starts on this machine. */
function packagedNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const path = fileURLToPath(new URL(`../node_modules/node/bin/${name}`, import.meta.url));
  if (!existsSync(path)) return undefined;
  const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return status === 0 && isNewEnough(stdout.trim()) ? path : undefined;
}

const node = packagedNode() ?? (isNewEnough(process.version) ? process.execPath : undefined);
if (node === undefined) {
  console.error(
    `Spillway needs Node ${FLOOR.major}.${FLOOR.minor} or newer; this is ${process.version}, and the "node" package is not installed here.\n` +
      'Run "npm ci" in this folder (it brings a Node of its own), or install a newer Node: https://nodejs.org',
  );
  process.exit(1);
}
// The script is named from the project's folder, and may be started from any other.
const [script = '', ...args] = process.argv.slice(2);
const path = fileURLToPath(new URL(script, new URL('..', import.meta.url)));
const child = spawn(node, ['--disable-warning=ExperimentalWarning', path, ...args], { stdio: 'inherit' });
// What ends a script is for the script, which may have something to say first. A terminal sends Ctrl-C to both by itself.
const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
for (const signal of signals)
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const each of signals) process.removeAllListeners(each);
  process.kill(process.pid, signal);
});
