import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { onTestFinished, vi } from 'vitest';
import { awsClient } from '../../client/aws.ts';
import { localClient } from '../../client/local.ts';
import { serve } from '../../demo/server.ts';
import { ADA, deployed } from '../api/stage.ts';
import { aws } from '../cli/aws-wire.ts';
import { describeClient } from './client.ts';

describeClient({
  name: 'HTTP to the embedded world',
  async make() {
    const world = await deployed();
    const server = await serve(world, 0);
    onTestFinished(() => void server.close());
    const name = userInfo().username;
    const client = localClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return { world, client, name, by: { name, via: 'iam', isVerified: true } };
  },
});

/** A controller on AWS: real clients of the SDK in front of a world behind the wire. */
const onAws = (hasUrl: boolean) => async () => {
  const world = await deployed();
  const wire = await aws(world, 'production');
  wire.hasUrl = hasUrl;
  onTestFinished(() => void wire.close());
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: wire.url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_EC2_METADATA_DISABLED: 'true',
  }))
    vi.stubEnv(name, value);
  const by = hasUrl ? { id: ADA, name: 'ada', isVerified: true } : { id: 'ada', isVerified: false };
  return { world, client: awsClient('production'), name: 'ada', by };
};

describeClient({ name: 'the API on AWS', make: onAws(true) });
describeClient({ name: 'the functions on AWS, without the API', make: onAws(false) });
