import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Bundle, bundleHandlers, HANDLERS, loadBundle } from '../../local/bundle.ts';

/** A handler must stay under this. */
const BYTES_MAX = 700_000;

/** The clients of AWS that each handler calls, and no other may be in its bundle. */
const CLIENTS: Record<string, string> = {
  abort: 'dynamodb lambda scheduler sfn',
  'alarm-event': 'dynamodb sfn',
  'api-iam': 'dynamodb lambda',
  'api-public': 'dynamodb lambda',
  beacon: 'lambda',
  'close-rollout': 'dynamodb lambda scheduler',
  command: 'dynamodb lambda scheduler sfn',
  'continue-as-new': 'dynamodb scheduler sfn',
  watchdog: 'dynamodb lambda scheduler sfn',
  decide: 'dynamodb lambda',
  hold: 'dynamodb sfn',
  'journal-stream': 'dynamodb lambda sfn',
  measure: 'cloudwatch dynamodb lambda',
  notify: 'dynamodb scheduler sns',
  'open-rollout': 'cloudwatch dynamodb lambda scheduler sfn',
  'promote-canary': 'dynamodb lambda',
  'publish-release': 'dynamodb lambda sfn',
  'read-rollout': 'dynamodb',
  'revert-traffic': 'cloudwatch dynamodb lambda scheduler',
  'run-hook': 'dynamodb lambda sfn',
  'slack-action': 'lambda',
  'shift-traffic': 'dynamodb lambda',
  transitions: 'dynamodb eventbridge',
};

const folder = mkdtempSync(join(tmpdir(), 'spillway-bundles-'));
let bundles: Record<string, Bundle>;

beforeAll(async () => {
  bundles = await bundleHandlers(folder);
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const bundled = (handler: string): Bundle => bundles[handler] ?? { bytes: Number.NaN, parts: {} };

describe.each(HANDLERS)('the bundle of %s', (handler) => {
  test('is small', () => {
    expect(bundled(handler).bytes).toBeLessThanOrEqual(BYTES_MAX);
  });

  test('has the clients that its ports need, and no other', () => {
    const found = Object.keys(bundled(handler).parts).flatMap(
      (name) => name.split('@aws-sdk/client-')[1] ?? [],
    );
    expect(found.sort().join(' ')).toBe(CLIENTS[handler]);
  });

  test('has nothing of the laptop in it: no reader of YAML, no tracer', () => {
    const { parts } = bundled(handler);
    expect(Object.keys(parts).filter((name) => /yaml|jsonata|esbuild|xray/.test(name))).toEqual([]);
  });

  test('has of zod only what checks events: not its classic part, no JSON Schema, and English alone', () => {
    // 24 to 34 KB. One `from 'zod'` anywhere brings 67 KB more, and all languages 350 KB.
    expect(bundled(handler).parts.zod).toBeLessThan(40_000);
  });

  test('loads, and has a handler that looks at its event', async () => {
    await expect(async () => (await loadBundle(folder, handler))({})).rejects.toThrow(/Invalid|undefined/);
  });
});

test.each(['api-iam', 'api-public'])(
  '%s has neither the schema of rollout files nor the shapes of its own answers',
  (handler) => {
    // To make them takes a tenth of its start. Each text stands in one of them alone.
    const text = readFileSync(join(folder, `${handler}.mjs`), 'utf8');
    for (const theirs of ['Version of this format.', 'What people may see of a rollout.'])
      expect(text).not.toContain(theirs);
  },
);

test('a variable that the deployment forgot is named at the first call', async () => {
  const read = await loadBundle(folder, 'read-rollout');
  vi.stubEnv('ENVIRONMENT', undefined);
  await expect(read({ read: 'about' })).rejects.toThrow(
    'The environment variable ENVIRONMENT is not set; the deployment must set it.',
  );
  vi.unstubAllEnvs();
});
