// Events as AWS sends them, cut down to what says who sent them.
const http = { method: 'GET', path: '/stock', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1' };
const rest = {
  ...{ resource: '/{proxy+}', path: '/stock', httpMethod: 'GET', headers: {}, multiValueHeaders: {} },
  requestContext: { resourcePath: '/{proxy+}', httpMethod: 'GET', stage: 'prod', apiId: 'a1' },
  ...{ body: null, isBase64Encoded: false },
};
const http2 = {
  ...{ version: '2.0', routeKey: '$default', rawPath: '/stock', headers: {}, isBase64Encoded: false },
  requestContext: { apiId: 'a1', domainName: 'a1.execute-api.eu-central-1.amazonaws.com', http },
};
const elb = { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/t/1' };
const alb = { requestContext: { elb }, httpMethod: 'GET', path: '/stock', body: '' };

/** @param {string} eventSource @param {(n: number) => object} record */
const batch = (eventSource, record) => ({
  Records: [1, 2, 3].map((n) => ({ eventSource, ...record(n) })),
});

/** @type {Record<string, object>} */
export const EVENTS = {
  rest,
  'http 1.0': { ...rest, version: '1.0' },
  'http 2.0': http2,
  url: {
    ...http2,
    requestContext: { domainName: 'a1.lambda-url.eu-central-1.on.aws', apiId: 'a1', http },
  },
  alb: { ...alb, headers: {} },
  'alb with multi-value headers': { ...alb, multiValueHeaders: {} },
  sqs: batch('aws:sqs', (n) => ({ messageId: `m${n}`, body: '{}' })),
  kinesis: batch('aws:kinesis', (n) => ({ kinesis: { sequenceNumber: `s${n}`, data: '' } })),
  dynamodb: batch('aws:dynamodb', (n) => ({ dynamodb: { SequenceNumber: `s${n}`, Keys: {} } })),
  nothing: {},
  sns: { Records: [{ EventSource: 'aws:sns', Sns: { Message: '' } }] },
  s3: { Records: [{ eventSource: 'aws:s3', s3: {} }] },
  eventbridge: { version: '0', source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
  websocket: { requestContext: { connectionId: 'c1', routeKey: '$connect', eventType: 'CONNECT' } },
  'rest authorizer': { ...rest, type: 'REQUEST', methodArn: 'arn:aws:execute-api:eu-central-1:1:a/s/GET/' },
  'http authorizer': { ...http2, type: 'REQUEST', routeArn: 'arn:aws:execute-api:eu-central-1:1:a/s/GET/' },
  lattice: {
    version: '2.0',
    path: '/stock',
    method: 'GET',
    requestContext: { serviceArn: 'arn:aws:vpc-lattice' },
  },
};
