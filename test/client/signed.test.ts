import { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { signed } from '../../client/signed.ts';

// The signature was also computed with aws4fetch, a program by others.
test('a request is signed as IAM checks it, with its headers, its query and its body', async () => {
  const { config } = new LambdaClient({ region: 'eu-central-1' });
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    sessionToken: 'tok/en==',
  };
  const url = 'https://abc123.lambda-url.eu-central-1.on.aws/rollouts/checkout--r1--1/abort?x=1&a=%2F';
  const headers = await signed(
    { method: 'POST', url, headers: { 'content-type': 'application/json' }, body: '{"reason":"é"}' },
    { credentials, region: 'eu-central-1', sha256: config.sha256 },
    new Date('2026-11-29T12:00:00Z'),
  );
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'x-amz-date': '20261129T120000Z',
    'x-amz-security-token': 'tok/en==',
  });
  expect(headers.authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/eu-central-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=b2f6d022d93e43f427039d465021b6b496c52be0ce63cd05b6cc288fcf6322bd',
  );
});
