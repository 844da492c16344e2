// `npm run infra:graph -- [--stage NAME] [--artifacts FOLDER] [--json]`: what would be deployed, without an account.
import { resolve } from 'node:path';
import { given } from './arguments.ts';
import { type GraphOptions, graphOf } from './infra/program.ts';

const { options } = given({
  name: 'npm run infra:graph --',
  takes: [],
  does: 'lists what a deployment would make, without an account',
  options: {
    stage: { value: 'NAME', does: 'the stage to deploy; without it, production' },
    root: { value: 'FOLDER', does: 'a folder with another sst.config.ts, such as examples/shop' },
    artifacts: { value: 'FOLDER', does: 'keeps what SST writes for the resources in this folder' },
    dev: { does: 'as "sst dev" would make it' },
    replaced: { value: 'JSON', does: 'texts of files to put in place of those that there are, by path' },
    secrets: { value: 'JSON', does: 'secrets of the stage, by name' },
    json: { does: 'prints the whole graph as one line of JSON' },
  },
});

const STAND_IN = JSON.stringify({ current: 'k1', keys: { k1: '00'.repeat(32) } });

try {
  const graph = await graphOf({
    stage: options.stage ?? 'production',
    dev: options.dev ?? false,
    replaced: JSON.parse(options.replaced ?? '{}') as NonNullable<GraphOptions['replaced']>,
    // The one that every stage needs stands in, so that there is something to look at before it is set.
    secrets: { PeopleKeys: STAND_IN, ...(JSON.parse(options.secrets ?? '{}') as Record<string, string>) },
    ...(options.artifacts === undefined ? {} : { artifacts: resolve(options.artifacts) }),
    ...(options.root === undefined ? {} : { root: options.root }),
  });
  if (options.json) console.log(JSON.stringify(graph));
  else {
    for (const { type, name, inputs } of graph.resources)
      console.log(`${type}  ${name}  ${inputs.name ?? ''}`);
    console.log(`${graph.resources.length} resources for the stage ${graph.app.stage}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
