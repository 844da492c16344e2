import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileOf } from '../../../infra/facts.ts';
import { bundleHandlers, HANDLERS } from '../../../local/bundle.ts';
import { all, type Graph, graphOf, type Resource } from '../graph/graph.ts';
import { openProject, type Project, type Said } from './sst.ts';

const work = mkdtempSync(join(tmpdir(), 'spillway-zips-'));
let project: Project;
let looked: Said;
let deployed: Said;
let graph: Omit<Graph, 'app'>;

beforeAll(async () => {
  project = await openProject();
  looked = await project.sst('ada', 'diff');
  deployed = await project.sst('ada', 'deploy');
  graph = project.graph();
});

afterAll(() => {
  project.close();
  rmSync(work, { recursive: true, force: true });
});

const nameOf = ({ type, name }: Resource) => `${type} ${name}`;

/** Where a zip lies and what it hashes to is the bundler's; the rest is the program's. */
const comparable = (resources: Resource[]) =>
  JSON.parse(
    JSON.stringify(resources)
      .replaceAll(/"[^"]*\/artifacts\//g, '"artifacts/')
      .replaceAll(/-code-[0-9a-f]{64}\.zip/g, '-code.zip'),
  );

describe('a personal stage', () => {
  test('is shown by sst diff, with every resource', () => {
    expect(looked, looked.text).toMatchObject({ status: 0 });
    for (const { type, name } of graph.resources) {
      const [module = '', rest = '', last = type] = type.split(':');
      const short = `${name} ${[module, rest.split('/')[0], last].join(':')}`;
      expect(looked.text).toContain(`+  ${short}`);
    }
  });

  test('is deployed, and says what it made', () => {
    expect(deployed, deployed.text).toMatchObject({ status: 0 });
    const outputs = {
      environment: 'ada',
      bucket: 'spillway-ada-releases-111122223333-eu-west-1',
      pages: 'arn:aws:sns:eu-west-1:111122223333:spillway-ada-pages',
      api: 'https://spillway-ada-apiiam-latest.lambda-url.eu-west-1.on.aws',
    };
    expect(graph.outputs).toEqual(outputs);
    for (const [name, value] of Object.entries(outputs)) expect(deployed.text).toContain(`${name}: ${value}`);
  });

  test('is made of what the mocked program is made of', () => {
    const mocked = graphOf('ada');
    expect(graph.resources.map(nameOf)).toEqual(mocked.resources.map(nameOf));
    expect(comparable(graph.resources)).toEqual(comparable(mocked.resources as Resource[]));
    expect(graph.outputs).toEqual(mocked.outputs);
  });

  test('has the types that are in git; "npm run test:infra -- -u" writes them', async () => {
    const types = readFileSync(join(project.folder, 'sst-env.d.ts'), 'utf8');
    expect(types).toContain('"Journal"');
    await expect(types).toMatchFileSnapshot('../../../sst-env.d.ts');
  });
});

describe('the zip of', () => {
  let measured: Record<string, { bytes: number }>;

  beforeAll(async () => {
    measured = await bundleHandlers(join(work, 'measured'));
    for (const handler of HANDLERS) unzip(handler);
  });

  test('each handler is there', () => {
    const functions = all(graph, 'lambda/function:Function');
    const names = functions.map(({ inputs }) => fileOf(inputs.name.replace('spillway-ada-', '')));
    expect(names.sort()).toEqual([...HANDLERS].sort());
  });

  test.each(HANDLERS)('%s has its bundle in it, as large as is measured, and nothing else', (handler) => {
    // Nothing is linked, so the second has nothing in it.
    expect(readdirSync(join(work, handler)).sort()).toEqual(['bundle.mjs', 'resource.enc']);
    const { size } = statSync(join(work, handler, 'bundle.mjs'));
    expect(size / (measured[handler]?.bytes ?? 0)).toBeCloseTo(1, 1);
  });

  test.each(HANDLERS)('%s runs in a process of its own, and refuses what it does not take', (handler) => {
    expect(invoked(handler, { nonsense: true })).toEqual({
      name: 'EventInvalid',
      message: expect.stringContaining(
        'The event is not what this function takes; correct what sends it:\nevent',
      ),
    });
  });

  test('read-rollout answers with what the deployment told it', () => {
    expect(invoked('read-rollout', { read: 'about' })).toEqual({
      answer: {
        environment: 'ada',
        bucket: 'spillway-ada-releases-111122223333-eu-west-1',
        scheduleGroup: 'spillway-ada',
      },
    });
  });
});

function functionOf(handler: string): Resource {
  const found = all(graph, 'lambda/function:Function').find(
    ({ inputs }) => fileOf(inputs.name.replace('spillway-ada-', '')) === handler,
  );
  if (found === undefined) throw new Error(`There is no function for ${handler}.`);
  return found;
}

/** Unpacks what is uploaded for a handler into a folder from which no package is found. */
function unzip(handler: string): void {
  const { s3Key } = functionOf(handler).inputs;
  const zips = all(graph, 's3/bucketObjectv2:BucketObjectv2');
  const source: string = zips.find(({ inputs }) => inputs.key === s3Key)?.inputs.source;
  mkdirSync(join(work, handler));
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(source))))
    if (!name.endsWith('/')) writeFileSync(join(work, handler, name), bytes);
}

/** Calls a handler as Lambda does: found by its name, with the environment of the deployment and no more. */
function invoked(handler: string, event: object): object {
  const { inputs } = functionOf(handler);
  const [file, name] = inputs.handler.split('.');
  const code = `
    const { ${name}: handler } = await import('./${file}.mjs');
    const context = { awsRequestId: '1', functionName: 'f', getRemainingTimeInMillis: () => 9000 };
    const said = await handler(${JSON.stringify(event)}, context).then(
      (answer) => ({ answer }),
      ({ name, message }) => ({ name, message }),
    );
    console.log('\\n' + JSON.stringify(said));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(work, handler),
    env: { ...inputs.environment.variables, AWS_REGION: 'eu-west-1', AWS_LAMBDA_FUNCTION_NAME: 'f' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return JSON.parse(said.trim().split('\n').at(-1) ?? '');
}

describe('then', () => {
  test('nothing is left to change: what is built twice is the same', async () => {
    const again = await project.sst('ada', 'diff');
    expect(again, again.text).toMatchObject({ status: 0, text: expect.stringContaining('No changes') });
  });

  test('it is removed, all of it', async () => {
    const removed = await project.sst('ada', 'remove');
    expect(removed, removed.text).toMatchObject({ status: 0, text: expect.stringContaining('Removed') });
    expect(project.state('ada')).toEqual([]);
  });

  test('the account was asked for nothing that it does not know', () => {
    expect(project.account.refused).toEqual([]);
  });
});
