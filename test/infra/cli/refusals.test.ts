import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openProject, type Project, type Said } from './sst.ts';

let project: Project;

beforeAll(async () => {
  project = await openProject();
});

afterAll(() => project.close());

const refused = (said: Said, ...why: string[]) => {
  expect(said.status, said.text).toBe(1);
  for (const each of why) expect(said.text).toContain(each);
};

const nothingWasMade = (stage: string) => expect(project.state(stage)).toEqual([]);

describe('sst deploy refuses', () => {
  test.each([
    ['prod', 'deploy with --stage production'],
    ['Ada', 'use small letters, digits and dashes'],
    ['a'.repeat(41), 'has 41 characters, and in eu-west-1 there is room for 22'],
    // SST's own words, before ours.
    ['ada_1', 'The stage name is invalid'],
  ])('the stage %s, and says what to do', async (stage, fix) => {
    refused(await project.sst(stage, 'deploy'), fix);
    nothingWasMade(stage);
  });

  test('a setting that is none', async () => {
    project.edit('infra/stages.json', () => '{ "eve": { "logDay": 30 } }');
    refused(
      await project.sst('eve', 'deploy'),
      'infra/stages.json: eve.logDay is no setting; there are hookHosts',
    );
    nothingWasMade('eve');
  });

  test('a handler that is not there, by its name', async () => {
    const other = await openProject();
    try {
      other.edit('infra/functions.ts', (text) => text.replace('handler: `functions/', 'handler: `function/'));
      const said = await other.sst('ada', 'deploy');
      refused(said, 'Handler not found: function/');
    } finally {
      other.close();
    }
  });
});

test('a stage without the keys that every stage needs is refused, with the command that sets them', async () => {
  const other = await openProject();
  try {
    const removed = await other.sst('any', 'secret', 'remove', 'PeopleKeys', '--fallback');
    expect(removed, removed.text).toMatchObject({ status: 0 });
    refused(await other.sst('ada', 'deploy'), 'Set a value for PeopleKeys with', 'sst secret set PeopleKeys');
    await other.sst('ada', 'secret', 'set', 'PeopleKeys', 'x'.repeat(64));
    refused(
      await other.sst('ada', 'deploy'),
      'PeopleKeys has 64 characters, and must be keys',
      'openssl rand',
    );
  } finally {
    other.close();
  }
});

describe('production', () => {
  test('with hosts of hooks takes a secret that is long enough', async () => {
    project.edit('infra/stages.json', () => '{ "production": { "hookHosts": ["hooks.example.com"] } }');
    const deploy = () => project.sst('production', 'deploy');
    const set = (secret: string) => project.sst('production', 'secret', 'set', 'HookSecret', secret);
    refused(await deploy(), 'Set a value for HookSecret with', 'sst secret set HookSecret');
    expect(await set('short')).toMatchObject({ status: 0 });
    refused(await deploy(), 'HookSecret has 5 characters, and needs 32', 'openssl rand -hex 32');
    nothingWasMade('production');
    const secret = 'x'.repeat(64);
    await set(secret);
    const said = await deploy();
    expect(said.status, said.text).toBe(0);
    expect(said.text).not.toContain(secret);
    // SST's own note of a secret, in its state, where secrets are encrypted.
    const holders = project
      .graph()
      .resources.filter(
        ({ type, inputs }) => type !== 'sst:sst:LinkRef' && JSON.stringify(inputs).includes(secret),
      );
    expect(holders.map(({ name }) => name)).toEqual(['HookSecretValue']);
  });

  test('is not removed: first SST refuses, then what is protected', async () => {
    const kept = ['aws:dynamodb/table:Table', 'aws:s3/bucket:Bucket'];
    const state = project.state('production');
    expect(state.flatMap((each) => (each.protect ? [each.type] : []))).toEqual(kept);
    expect(state.flatMap((each) => (each.retainOnDelete ? [each.type] : []))).toEqual(kept);
    refused(await project.sst('production', 'remove'), 'Cannot remove protected stage');
    project.edit('sst.config.ts', (text) => text.replace('protect: isProduction', 'protect: false'));
    refused(await project.sst('production', 'remove'), 'cannot be deleted because it is protected');
  });

  test('is not touched by what the stand-in does not know', async () => {
    refused(await project.sst('production', 'refresh'), 'The stand-in knows no "refresh"');
    refused(await project.sst('production', 'deploy', '--target', 'Decide'), "Unknown option '--target'");
  });

  test('goes once the configuration says so and was deployed, as docs/deploy.md has it', async () => {
    project.edit('sst.config.ts', (text) => text.replace("isProduction ? 'retain' : 'remove'", "'remove'"));
    const deployed = await project.sst('production', 'deploy');
    expect(deployed.status, deployed.text).toBe(0);
    const removed = await project.sst('production', 'remove');
    expect(removed.status, removed.text).toBe(0);
    nothingWasMade('production');
  });
});

test('the account was asked for nothing that it does not know', () => {
  expect(project.account.refused).toEqual([]);
});
