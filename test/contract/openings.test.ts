import { lambdaStage } from './lambda-stage.ts';
import { describeOpenings } from './openings.ts';
import { lambdaOpeningsStage } from './openings-stage.ts';

describeOpenings({ name: 'lambda', make: () => lambdaOpeningsStage(lambdaStage) });
