import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CASES, type Case, NOW } from './cases.ts';
import { scriptFor } from './sandbox.ts';

/** njs, the JavaScript of nginx, has the limits of syntax that CloudFront documents, which Node has not. Debian has it as `njs`. */
const isHere = spawnSync('njs', ['-v']).status === 0;
if (!isHere)
  console.warn(
    'njs is not installed, so that nothing judges the syntax of the edge here: apt-get install njs.',
  );

describe.runIf(isHere)('njs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-edge-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  // The module of the store, as far as the functions use it.
  writeFileSync(
    join(folder, 'cloudfront'),
    `let store; let origin;
     function get() { return store === undefined ? Promise.reject(new Error('KeyNotFound')) : Promise.resolve(JSON.parse(store)); }
     function kvs() { return { get: get }; }
     function selectRequestOriginById(id) { origin = id; }
     function hold(text) { store = text; origin = undefined; }
     function chosen() { return origin; }
     export default { kvs: kvs, selectRequestOriginById: selectRequestOriginById, hold: hold, chosen: chosen };`,
  );

  const groups = Map.groupBy(CASES, ({ asks, settings }) => `${asks} ${JSON.stringify(settings)}`);
  test.each([...groups])('answers as the sandbox does: %s', (_name, cases) => {
    const [first] = cases;
    if (first === undefined) throw new Error('There are no cases.');
    const file = join(folder, 'main.js');
    writeFileSync(file, programOf(first, cases));
    const { stdout, stderr, status } = spawnSync('njs', ['-s', '-u', '-p', folder, file], {
      encoding: 'utf8',
    });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const said = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    expect(said).toEqual(cases.map(({ becomes }) => becomes));
  });

  test('refuses what CloudFront refuses', () => {
    const file = join(folder, 'planted.js');
    for (const planted of ['try{a()}catch{}', 'const [a]=[1];', 'const a=b?.c;', 'class A{}']) {
      writeFileSync(file, planted);
      expect(spawnSync('njs', ['-s', '-u', file]).status, planted).not.toBe(0);
    }
  });
});

/** A script that asks the function all cases in turn and prints what came of each on a line of its own: njs cuts longer ones. */
function programOf(given: Case, cases: readonly Case[]): string {
  return `import cf from 'cloudfront';
Date.now=()=>${NOW};
${scriptFor(given)}
const cases=${JSON.stringify(cases.map(({ store, event }) => ({ store, event })))};
function outcome(said){
  if(said.uri!==undefined){const to={uri:said.uri};if(cf.chosen()!==undefined)to.origin=cf.chosen();const tag=said.headers['if-none-match'];if(tag!==undefined)to.ifNoneMatch=tag.value;return to}
  if(said.body!==undefined)return {status:said.statusCode};
  const cookies={};
  Object.keys(said.cookies||{}).forEach(name=>{cookies[name]=said.cookies[name].value});
  return {status:said.statusCode,cookies:cookies};
}
async function all(){
  for(let at=0;at<cases.length;at++){cf.hold(cases[at].store);const said=await run(cases[at].event);console.log(JSON.stringify(outcome(said)))}
}
all();
`;
}
