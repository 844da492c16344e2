import { describeSmokeRunner } from '../contract/hook-runner.ts';
import { lambdaSmokeStage } from '../contract/smoke-stage.ts';
import { wiredLambda } from './lambda-stage.ts';

describeSmokeRunner({
  name: 'lambda over the wire',
  make: () => lambdaSmokeStage(wiredLambda),
  exceptions: {
    'fails a release whose code throws, and names the error':
      'the program calls every error of a handler Runtime.HandlerError; AWS tells the name of the error',
    'quotes nothing of an answer that may hold a captured value or a secret':
      'the program calls every error of a handler Runtime.HandlerError; AWS tells the name of the error',
    'reads an answer of nearly 6 MB, and fails a larger one, which Lambda does not hand over':
      'the program hands over answers of any size; AWS refuses them with Function.ResponseSizeTooLarge',
    'tries a failure again if that was declared, and says so':
      'it waits for a clock that only the test can advance',
    'begins no retry that could not be heard in time': 'it waits for a clock that only the test can advance',
    'is broken where the canary cannot be asked':
      'the program runs a version whose function has no concurrency left; AWS refuses with TooManyRequestsException',
  },
});
