import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeClient, spillway } from './called.ts';

const FILE = `service: checkout-api
targets:
  api: { lambda: checkout-prod-Api, alias: live, source: http }
steps:
  - { weight: 10, bake: 10m }
  - { weight: 25, until: { canary: 100 invocations }, maxBake: 2h }
smoke:
  - { get: /health, expect: { status: 200 } }
hooks:
  beforeTraffic: [{ lambda: checkout-check, timeout: 20m, onBroken: pause }]
  onRevert: [{ http: https://hooks.example.com/told }]
probe: { every: 2s }
gates:
  - { before: 100, approvers: 1, timeout: 2h, onTimeout: promote }
  - { before: 10, approvers: 2, by: [ada, grace, joan] }
watch: { errors: 1.5x }
alarms: [orders-too-low]
verify: 10m
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function validated(text: string) {
  const path = join(folder, 'rollout.yaml');
  await writeFile(path, text);
  const { client, asked } = fakeClient();
  const called = await spillway(client, 'validate', path);
  expect(asked).toEqual([]);
  return called;
}

test('validate lists all that is asked and demanded on the way, without a controller', async () => {
  const { code, out } = await validated(FILE);
  expect(code).toBe(0);
  expect(out.split('\n').slice(1)).toEqual([
    '  10 % for 10 min, 25 % until 100 canary requests within 2 h, 75 to 95 % for 8 min (holdout: 5, 10 or 25 % stay on stable, by the traffic), 100 % for 2 min',
    '  1 watch rule, 0 limits; without enough evidence: pause; if it looks worse: pause; on doubt in verify: recall to 25 %',
    '  beforeTraffic: smoke test GET /health about api, an answer within 30 s; if it cannot be asked: revert',
    '  beforeTraffic: lambda hook checkout-check about api, an answer within 20 min; if it cannot be asked: pause',
    '  onRevert: http hook https://hooks.example.com/told is notified about api; no answer matters',
    '  gate before 10 %: 2 approvals of ada, grace, joan within 6 h, else revert',
    '  gate before 100 %: 1 approval of anybody who may approve within 2 h, else promote',
    '  probes: one smoke test through both versions every 2 s, while the canary has traffic',
    '  alarm orders-too-low: if it goes off after the first raise, the release is reverted',
  ]);
});

test('validate --json prints the normal form, and why a file is refused', async () => {
  const path = join(folder, 'rollout.yaml');
  await writeFile(path, FILE);
  const good = await spillway(fakeClient().client, 'validate', '--json', path);
  expect(good).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(good.out)).toMatchObject({
    file: path,
    service: 'checkout-api',
    plan: { steps: [{ weight: 10, bakeSeconds: 600 }, { weight: 25 }], verifySeconds: 600 },
    watch: [{ metric: 'errors', ratio: 1.5 }],
    gates: [{ before: 10 }, { before: 100 }],
    alarms: ['orders-too-low'],
  });
  await writeFile(path, FILE.replace('weight: 10', 'weight: 1000'));
  const bad = await spillway(fakeClient().client, 'validate', path, '--json');
  expect(bad).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse(bad.out)).toEqual({
    file: path,
    error: { code: 'RolloutFileInvalid', message: expect.stringContaining('steps[0].weight is 1000') },
  });
});

test.each([
  ['holdout: 10', '90 % for 8 min (holdout: 10 % stay on stable), 100 % for 2 min', 'recall to 25 %'],
  ['holdout: 0', '100 %, verified for 10 min', 'recall to 25 %'],
  [
    'recall: off',
    '75 to 95 % for 8 min (holdout: 5, 10 or 25 % stay on stable, by the traffic)',
    'no recall',
  ],
])('validate says what %s does in verify', async (line, verified, doubted) => {
  const { out } = await validated(`${FILE}${line}\n`);
  expect(out).toContain(verified);
  expect(out).toContain(`on doubt in verify: ${doubted}`);
});

test('validate says what to write in place of holdBack', async () => {
  const { code, err } = await validated(`${FILE}holdBack: { percent: 5, bake: 10m }\n`);
  expect(code).toBe(1);
  expect(err).toContain('holdBack was replaced by `holdout`: write the percent alone, like `holdout: 5`');
});

test('validate exits 1 with the field and the fix where a gate has no approver', async () => {
  const { code, err } = await validated(FILE.replace('approvers: 1', 'approvers: 0'));
  expect(code).toBe(1);
  expect(err).toContain('gates[0].approvers is 0: a gate without approvers blocks nothing');
});

test.each([
  ['', '75 % for 8 min beside a holdout of 25 %: about 7,200 canary requests; '],
  ['holdout: 10', '90 % for 8 min beside a holdout of 10 %: about 8,640 canary requests; '],
])(
  'plan knows the holdout that a file with "%s" has at this traffic, and speaks in shares of requests',
  async (line, said) => {
    const path = join(folder, 'rollout.yaml');
    await writeFile(path, `${FILE}${line}\n`);
    const called = [
      'plan',
      path,
      '--requests-per-second',
      '20',
      '--error-rate',
      '0.1%',
      '--verbose',
    ] as const;
    const { out } = await spillway(fakeClient().client, ...called);
    expect(out).toContain(said);
    expect(out).toMatch(
      /^At 20 requests per second, of which 0.1 % fail now: a release that fails [\d.]+ % of its requests is found within 2 min at 10 %; below [\d.]+ % is not visible in any step\.\n10 % for 10 min: about 1,200 canary requests; a release/,
    );
  },
);

test('plan of a file without a holdout has no line about one', async () => {
  const path = join(folder, 'rollout.yaml');
  await writeFile(path, `${FILE}holdout: 0\n`);
  const { out } = await spillway(
    fakeClient().client,
    'plan',
    path,
    '--requests-per-second',
    '20',
    '--error-rate',
    '0.1%',
  );
  expect(out).not.toContain('beside a holdout');
});

const UNWATCHED = FILE.replace('watch: { errors: 1.5x }\n', '');

test.each<[string, string, string]>([
  [
    'a rule whose bad count is its total',
    'watch: { custom: { orders: { bad: Shop/Orders, total: Shop/Orders } } }',
    'watch.custom.orders.bad is "Shop/Orders": this is the metric of `total` as well, so every request would be bad; write the metric that counts what went wrong as `bad`, and the one that counts everything as `total`.',
  ],
  [
    'a rule that is another one the other way round',
    'watch: { custom: { lost: { bad: Shop/Lost, total: Shop/Orders }, kept: { bad: Shop/Orders, total: Shop/Lost } } }',
    'these are the two metrics of `lost` the other way round; `bad` counts what went wrong and `total` everything: correct one of the rules, or remove it.',
  ],
  [
    'a holdout of nearly everything',
    'holdout: 99',
    'holdout is 99: write the percent of the traffic that stays',
  ],
  [
    'a holdout of half beside a step that leaves less',
    'holdout: 50',
    'the last step is at 60 %, which leaves 40 % on the stable version; write `holdout: 40`, or lower the weight of that step to 50 or less.',
  ],
])('validate refuses %s, with the fix', async (_, line, said) => {
  const file = UNWATCHED.replace(/steps:[\s\S]*?(?=\n\S)/, 'steps: [{ weight: 60, bake: 10m }]');
  const { code, err } = await validated(`${file}${line}\n`);
  expect(err).toContain(said);
  expect(code).toBe(1);
});

test('validate takes two tolerances of the same counts, of which the stricter one decides', async () => {
  const rules =
    'watch: { custom: { lost: { bad: Shop/Lost, total: Shop/Orders }, much: { bad: Shop/Lost, total: Shop/Orders, tolerate: 5% } } }';
  const { code, err } = await validated(`${UNWATCHED}${rules}\n`);
  expect([code, err]).toEqual([0, '']);
});
