import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Pages } from '../core/ports.ts';
import { reach } from './_aws.ts';

/** Acknowledgements by Notify, which is invoked and not waited for: Lambda keeps what it has taken, and tries it again. */
export function lambdaPages(client: LambdaClient, FunctionName: string): Pages {
  return {
    async acknowledge(page) {
      const Payload = new TextEncoder().encode(JSON.stringify({ acknowledge: page }));
      const command = new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload });
      await reach('Notify', () => client.send(command));
    },
  };
}
