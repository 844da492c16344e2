import { secretReader } from '../adapters/aws-secrets.ts';
import { ownSecrets } from '../adapters/own-secrets.ts';
import type { Signing } from '../adapters/signed-calls.ts';
import { aws } from './_aws.ts';
import { CLIENT, type Keeper } from './_ports.ts';

/** AWS with the controller's own secrets, which are read with the credentials of a client that the function has anyway. */
export function keeping(client: new (limits: typeof CLIENT) => { config: Signing }): Keeper {
  const { config } = new client(CLIENT);
  const endpoint = process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? process.env.AWS_ENDPOINT_URL;
  const read = secretReader({ config, fetch, endpoint }, aws.clock);
  const prefix = `spillway-${aws.setting('ENVIRONMENT')}`;
  return {
    ...aws,
    secret: ownSecrets((name) => read({ from: 'secret', name: `${prefix}/${name}` }), aws.clock),
  };
}
