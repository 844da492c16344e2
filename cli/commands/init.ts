import { writeFile } from 'node:fs/promises';
import { parseRolloutFile } from '../../adapters/rollout-file.ts';
import { rolloutFileFrom } from '../../core/config/rollout-file.ts';
import { RolloutError } from '../../core/errors.ts';
import { KINDS } from '../../targets/kinds.ts';
import { pathFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, INIT } from '../calls.ts';
import { ask, isAsked, say, sayJson } from '../print.ts';

const ALIAS = 'live';

/** Writes a rollout file that `validate` accepts; what it needs and was not given, it asks. */
export async function init({
  args: [path = 'rollout.yaml'],
  options,
}: GivenTo<typeof INIT>): Promise<number> {
  if (options.site !== undefined && options.lambda !== undefined)
    throw new UsageError('say one of --lambda and --site, not both');
  const service = options.service ?? (await asked('service', 'Name of the service'));
  const target =
    options.site === undefined
      ? {
          lambda: options.lambda ?? (await asked('lambda', 'Lambda function')),
          alias:
            options.alias ?? ((isAsked() ? await ask(`Alias that callers use [${ALIAS}]: `) : '') || ALIAS),
        }
      : { site: options.site };
  const health =
    options.health ?? (isAsked() ? await ask('Path that answers with 200 if it works, or nothing: ') : '');
  const text = textOf(service, target, health.trim());
  // What a person typed may be no name of a service.
  rolloutFileFrom(KINDS, parseRolloutFile(text, path), `${path}: `);
  try {
    await writeFile(pathFrom(path), text, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw error;
    throw new RolloutError(
      'RolloutFileInvalid',
      `${path} is there already, and is not replaced; name another file.`,
    );
  }
  if (options.json) sayJson({ file: path });
  else
    for (const line of [
      `${path} is written. What it does: spillway validate ${path}`,
      `What it would catch at your traffic: spillway rehearse ${path} --requests-per-second 20 --error-rate 0.1%`,
    ])
      say(line);
  return 0;
}

async function asked(option: string, what: string): Promise<string> {
  if (!isAsked()) throw new UsageError(`--${option} is missing, and nobody can be asked here`);
  return (await ask(`${what}: `)).trim();
}

/** Texts are quoted as JSON, which YAML reads as such: nothing that is typed is anything but a text. */
function textOf(service: string, target: Record<string, string>, health: string): string {
  const [name, isSite] = 'site' in target ? ['web', true] : ['api', false];
  const pairs = Object.entries(target).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return [
    '# yaml-language-server: $schema=./node_modules/spillway/schema.json',
    `service: ${JSON.stringify(service)}`,
    'targets:',
    `  ${name}: { ${pairs.join(', ')} }`,
    'steps:',
    '  - { weight: 5, bake: 5m }',
    '  - { weight: 25, bake: 10m }',
    ...(health === ''
      ? []
      : ['smoke:', `  - { get: ${JSON.stringify(health)}, expect: { status: 200, under: 2s } }`]),
    ...(isSite ? [] : ['watch: { errors: 1.5x, throttles: 1.5x, http5xx: 1.5x, http4xx: 1.5x }']),
    'verify: 10m',
    '',
  ].join('\n');
}
