import { lambdaRefusals, lambdaTraffic } from '../contract/lambda-traffic.ts';
import { describeTrafficRouter } from '../contract/traffic-router.ts';
import { wiredLambda } from './lambda-stage.ts';

describeTrafficRouter(
  {
    name: 'lambda-alias over the wire',
    make: () => lambdaTraffic(wiredLambda),
    exceptions: {
      'refuses a version that failed, naming the field and the fix': 'no call makes a version fail',
      'says that there is nothing to pin if the version is gone':
        'the program makes an alias of a version that does not exist; AWS refuses with ResourceNotFoundException',
    },
  },
  lambdaRefusals,
);
