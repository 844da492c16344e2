import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { Pages } from '../core/ports.ts';
import { hand } from './_call.ts';

/** Acknowledgements by Notify, which is invoked and not waited for. */
export function lambdaPages(client: LambdaClient, FunctionName: string): Pages {
  return { acknowledge: (page) => hand({ client, FunctionName, name: 'Notify' }, { acknowledge: page }) };
}
