import { describeSmokeRunner } from '../contract/hook-runner.ts';
import { lambdaSmokeStage } from '../contract/smoke-stage.ts';
import { wiredLambda } from './lambda-stage.ts';

describeSmokeRunner({
  name: 'lambda over the wire',
  make: () => lambdaSmokeStage(wiredLambda),
  exceptions: {
    'fails a release whose code throws, and names the error':
      'the program calls every error of a handler Runtime.HandlerError; AWS tells the name of the error',
    'is broken where the canary cannot be asked':
      'the program runs a version whose function has no concurrency left; AWS refuses with TooManyRequestsException',
  },
});
