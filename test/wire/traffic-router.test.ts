import { lambdaRefusals, lambdaTraffic } from '../contract/lambda-traffic.ts';
import { describeTrafficRouter } from '../contract/traffic-router.ts';
import { wiredLambda } from './lambda-stage.ts';

describeTrafficRouter(
  {
    name: 'lambda-alias over the wire',
    make: () => lambdaTraffic(wiredLambda),
    exceptions: {
      'refuses a version that failed, naming the field and the mend': 'no call makes a version fail',
    },
  },
  lambdaRefusals,
);
