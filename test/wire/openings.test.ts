import { describeOpenings } from '../contract/openings.ts';
import { lambdaOpeningsStage } from '../contract/openings-stage.ts';
import { wiredLambda } from './lambda-stage.ts';

const UNNAMED =
  'the program calls every error of a handler Runtime.HandlerError; AWS tells the name of the error';

describeOpenings({
  name: 'lambda over the wire',
  make: () => lambdaOpeningsStage(wiredLambda),
  exceptions: {
    'passes a refusal on as it was said': UNNAMED,
    'passes on that something could not be reached': UNNAMED,
  },
});
