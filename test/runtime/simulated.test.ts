import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { LambdaWorker } from '../../local/services/lambda-worker.ts';
import { sampled } from '../deep.ts';
import type { Came } from './cases.mjs';
import { cameOf, countedIn, ENVIRONMENTS, type Environment, expectedOf } from './run.ts';

const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live';

async function simulated({ files, events }: Environment, runtime: string): Promise<Came[]> {
  const zipped = Object.entries(files).map(([name, text]) => [name, strToU8(text)] as const);
  const worker = new LambdaWorker({
    ...{ zip: zipSync(Object.fromEntries(zipped)), handler: 'index.handler', runtime },
    ...{ functionName: 'checkout', version: '7', region: 'eu-central-1', memoryMb: 128 },
  });
  const came: Came[] = [];
  for (const event of events) {
    const { payload, error, logs } = await worker.invoke({
      ...{ requestId: 'r-1', event: JSON.stringify(event), arn: ARN, at: 0, timeoutMs: 10_000 },
    });
    const answer = JSON.parse(payload);
    came.push({ ...(error ? { error: answer.errorType } : { answer }), counts: countedIn(logs) });
  }
  await worker.close();
  return came;
}

describe.each(sampled(['nodejs22.x', 'nodejs24.x'], 2, 1))('in the simulated Lambda on %s', (runtime) => {
  test.each(ENVIRONMENTS.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    expect(cameOf(each, await simulated(each, runtime))).toEqual(expectedOf(each, runtime));
  });
});
