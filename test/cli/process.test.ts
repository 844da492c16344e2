import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { sampled } from '../deep.ts';
import { sourcesIn, textOf } from '../house/project.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'spillway-'));
copyFileSync(join(ROOT, 'examples/checkout-api/rollout.yaml'), join(folder, 'mine.yaml'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command of a shell in a folder that has nothing to do with the project. */
function shell(command: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: folder,
    encoding: 'utf8',
    // Later processes load what the first one compiled.
    env: { PATH: process.env.PATH, NODE: process.execPath, NODE_COMPILE_CACHE: folder, ROOT, ...env },
  });
  return { status, stdout, stderr };
}

describe('the command line as a process', () => {
  test('starts from any folder, and reads files from there', () => {
    const { status, stdout, stderr } = shell(
      '"$NODE" "$ROOT/scripts/run.mjs" cli/spillway.ts validate mine.yaml',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('mine.yaml is a valid rollout file for service checkout-api.');
  });

  test('reads files from the folder that npm was called in, although npm runs it in its own', () => {
    const env = { INIT_CWD: folder, npm_package_json: join(ROOT, 'package.json') };
    const run = 'cd "$ROOT" && "$NODE" cli/spillway.ts validate';
    expect(shell(`${run} mine.yaml`, env)).toMatchObject({ status: 0, stderr: '' });
    expect(shell(`${run} other.yaml`, env).stderr).toBe(
      `${join(folder, 'other.yaml')}: The file cannot be read: there is no such file.\n`,
    );
    // The npm of another project, whose own folder is where it is run.
    const others = { ...env, npm_package_json: join(folder, 'package.json') };
    expect(shell(`${run} mine.yaml`, others).stderr).toMatch(/^mine\.yaml: The file cannot be read/);
  });

  test('ends quietly where its reader goes away', () => {
    expect(shell('{ "$NODE" "$ROOT/cli/spillway.ts" help; echo "code $?" >&2; } | true')).toEqual({
      status: 0,
      stdout: '',
      stderr: 'code 0\n',
    });
  });

  test.each(['--help', 'release --help', 'completion bash', 'pause'])('loads no package for %s', (args) => {
    const seen = `import { registerHooks } from 'node:module'; import { writeSync } from 'node:fs'; registerHooks({ resolve(name, context, next) { const found = next(name, context); writeSync(1, found.url + String.fromCharCode(10)); return found; } });`;
    const { stdout } = shell(`"$NODE" --import "$SEEN" "$ROOT/cli/spillway.ts" ${args} 2> /dev/null`, {
      SEEN: `data:text/javascript,${encodeURIComponent(seen)}`,
    });
    expect(stdout).toContain('/cli/main.ts\n');
    expect(stdout).not.toContain('/node_modules/');
  });

  test('is asked by run.mjs to end, and its code or signal is what the caller sees', () => {
    const script = join(folder, 'waits.mjs');
    const waiting = `process.once('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('up');`;
    const run = `printf "%s" "$CODE" > ${script}; "$NODE" "$ROOT/scripts/run.mjs" ${script} > out & pid=$!; until grep -q up out; do sleep 0.1; done; kill -TERM $pid; wait $pid; echo $?`;
    expect(shell(run, { CODE: waiting }).stdout).toBe('7\n');
    expect(shell(run, { CODE: waiting.replace(/^.*?; /, '') }).stdout).toBe('143\n');
  });
});

describe('a script', () => {
  const asks = sourcesIn('scripts').filter((file) => textOf(file).includes("from './arguments.ts'"));
  const HANDING = asks.filter((file) => textOf(file).includes('handedOn('));
  const SCRIPTS = asks.filter((file) => !HANDING.includes(file) && !file.endsWith('/arguments.ts'));

  test.each(sampled(HANDING, 3))('%s, which hands on what it is given, says how it is called', (script) => {
    const help = shell(`"$NODE" "$ROOT/scripts/run.mjs" ${script} --help`);
    expect({ ...help, stdout: '' }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(help.stdout).toMatch(/^Usage: npm run test:/);
  });

  test('is each one that package.json names, but for those that other programs are', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const ours = Object.values(scripts).flatMap(
      (line) => /scripts\/run\.mjs (scripts\/\S+\.ts)/.exec(line)?.[1] ?? [],
    );
    expect(ours.length).toBeGreaterThan(8);
    // That one is SST's command line, whose usage is SST's.
    expect(ours.filter((file) => !asks.includes(file))).toEqual(['scripts/sst.ts']);
  });

  // Each of them would take long, or write, if it did not end here.
  test.each(sampled(SCRIPTS, 5))('%s says how it is called, and what is wrong with a call', (script) => {
    const help = shell(`"$NODE" "$ROOT/scripts/run.mjs" ${script} --help`);
    expect({ ...help, stdout: '' }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(help.stdout).toMatch(/^Usage: npm (?:run|start)/);
    const wrong = shell(`"$NODE" "$ROOT/scripts/run.mjs" ${script} --wrong`);
    expect({ ...wrong, stderr: '' }).toEqual({ status: 2, stdout: '', stderr: '' });
    expect(wrong.stderr).toMatch(
      /^npm (?:run|start).* has no option --wrong; it has .*\n\nUsage: npm (?:run|start).*\n$/,
    );
  });

  test.each(['dev', 'simulate', 'bench', 'infra-graph', 'demo'])('%s is among them', (name) => {
    expect(SCRIPTS).toContain(`scripts/${name}.ts`);
  });
});

describe("SST's command line", () => {
  /** The hosts that a command of SST tries to reach; behind this proxy it reaches none. */
  async function asked(env: Record<string, string>): Promise<string[]> {
    const hosts: string[] = [];
    const proxy = createServer().on('connect', ({ url = '' }, socket) => {
      hosts.push(url);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const sst = spawn(process.execPath, [join(ROOT, 'scripts/sst.ts'), 'diff', '--stage', 'ada'], {
      env: { PATH: process.env.PATH, HOME: folder, HTTPS_PROXY, ...env },
      stdio: 'ignore',
    });
    await new Promise((resolve) => sst.once('close', resolve));
    proxy.close();
    return hosts.filter((host) => host.includes('telemetry'));
  }

  test('reports nothing to its makers, unless the environment says so', async () => {
    expect(await asked({})).toEqual([]);
    expect(await asked({ SST_TELEMETRY_DISABLED: '0' })).not.toEqual([]);
  });
});
