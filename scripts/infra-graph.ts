// `npm run infra:graph -- [--stage NAME] [--artifacts FOLDER] [--json]`: what would be deployed, without an account.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type GraphOptions, graphOf } from './infra/program.ts';

const { values } = parseArgs({
  options: {
    stage: { type: 'string', default: 'production' },
    root: { type: 'string' },
    artifacts: { type: 'string' },
    dev: { type: 'boolean', default: false },
    replaced: { type: 'string', default: '{}' },
    secrets: { type: 'string', default: '{}' },
    json: { type: 'boolean', default: false },
  },
});

try {
  const graph = await graphOf({
    stage: values.stage,
    dev: values.dev,
    replaced: JSON.parse(values.replaced) as NonNullable<GraphOptions['replaced']>,
    secrets: JSON.parse(values.secrets) as NonNullable<GraphOptions['secrets']>,
    ...(values.artifacts === undefined ? {} : { artifacts: resolve(values.artifacts) }),
    ...(values.root === undefined ? {} : { root: values.root }),
  });
  if (values.json) console.log(JSON.stringify(graph));
  else {
    for (const { type, name, inputs } of graph.resources)
      console.log(`${type}  ${name}  ${inputs.name ?? ''}`);
    console.log(`${graph.resources.length} resources for the stage ${graph.app.stage}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
