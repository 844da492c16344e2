import { describeSmokeRunner } from './hook-runner.ts';
import { lambdaStage } from './lambda-stage.ts';
import { lambdaSmokeStage } from './smoke-stage.ts';

describeSmokeRunner({ name: 'lambda', make: () => lambdaSmokeStage(lambdaStage) });
