import { lambdaStage } from './lambda-stage.ts';
import { lambdaRefusals, lambdaTraffic } from './lambda-traffic.ts';
import { siteRefusals, siteStage } from './site-stage.ts';
import { describeTrafficRouter } from './traffic-router.ts';

describeTrafficRouter({ name: 'lambda-alias', make: () => lambdaTraffic(lambdaStage) }, lambdaRefusals);

describeTrafficRouter({ name: 'cloudfront', make: siteStage }, siteRefusals);
