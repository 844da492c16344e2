import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { Reports } from '../core/ports.ts';
import { hand } from './_call.ts';

/** Reports by Notify, which is invoked as by its own agenda and not waited for. */
export function lambdaReports(client: LambdaClient, FunctionName: string): Reports {
  return { ask: (rolloutId) => hand({ client, FunctionName, name: 'Notify' }, { wake: { rolloutId } }) };
}
