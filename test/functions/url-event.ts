const DOMAIN = 'abc.lambda-url.eu-central-1.on.aws';

/** What a test asks of the API besides its method and path. */
export interface Asked {
  headers?: Record<string, string>;
  cookies?: string[];
  body?: string | Uint8Array;
  authorizer?: object | null;
  query?: string;
}

/** An event as Lambda makes it of a request to a function URL. */
export function urlEvent(
  method: string,
  path: string,
  { headers = {}, body, authorizer, query, ...more }: Asked = {},
) {
  const isBytes = body instanceof Uint8Array;
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query ?? '',
    headers: { host: DOMAIN, ...headers },
    requestContext: {
      accountId: '111122223333',
      domainName: DOMAIN,
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'curl' },
      ...(authorizer === undefined ? {} : { authorizer }),
    },
    isBase64Encoded: isBytes,
    ...(body === undefined ? {} : { body: isBytes ? Buffer.from(body).toString('base64') : body }),
    ...more,
  };
}

/** What IAM says of whoever signed a request. */
export const iam = (userArn: string) => ({
  iam: { userArn, accountId: '111122223333', cognitoIdentity: null },
});
