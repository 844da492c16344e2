import { expect, test } from 'vitest';
import { unhandled } from '../../../core/rollout/unhandled.ts';

const MET = 'the controller met an error that it could not handle: ';

test.each([
  [
    'a timeout, which has no cause',
    { Error: 'States.Timeout', Cause: '' },
    'one of its functions did not end in time (States.Timeout)',
  ],
  [
    'an error of a function, whose cause is JSON',
    {
      Error: 'TypeError',
      Cause: '{"errorType":"TypeError","errorMessage":"x is undefined","trace":["at y"]}',
    },
    'x is undefined (TypeError)',
  ],
  [
    'an error of Lambda, whose cause is text with a request id',
    {
      Error: 'Lambda.ServiceException',
      Cause:
        'Service error. (Service: AWSLambda; Status Code: 500; Error Code: ServiceException; Request ID: 4f; Proxy: null)',
    },
    'Service error. (Lambda.ServiceException)',
  ],
  [
    'a throttle, with what helps',
    {
      Error: 'Lambda.TooManyRequestsException',
      Cause: 'Rate Exceeded. (Service: AWSLambda; Status Code: 429)',
    },
    'Lambda throttled one of its functions; raise the concurrency of the account, or reserve some for the controller (Lambda.TooManyRequestsException)',
  ],
  ['JSON that says nothing', { Error: 'Strange', Cause: '[1]' }, 'Strange'],
  ['no name and no cause', {}, 'an error without a name'],
  [
    'a service that leaves no space',
    { Error: 'E', Cause: 'Service error.(Service: AWSLambda)' },
    'Service error. (E)',
  ],
  [
    'a service on lines of its own',
    { Error: 'E', Cause: 'Service error.\n  (Service: AWSLambda;\nRequest ID: 4f)' },
    'Service error. (E)',
  ],
  ['a long cause', { Error: 'Long', Cause: 'x'.repeat(300) }, `${'x'.repeat(300)} (Long)`],
  ['a cause without end', { Error: 'Long', Cause: 'x'.repeat(10_000) }, `${'x'.repeat(300)}… (Long)`],
])('says %s', (_what, error, said) => {
  expect(unhandled(error)).toBe(MET + said);
});
