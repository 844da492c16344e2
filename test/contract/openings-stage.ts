import { lambdaOpenings } from '../../adapters/lambda-openings.ts';
import { awsError, type Intercept } from '../../local/sdk.ts';
import { FUNCTION, type LambdaStage } from './lambda-stage.ts';
import type { OpeningsStage } from './openings.ts';

/** Openings by a function of the stage that `make` sets up. */
export async function lambdaOpeningsStage(
  make: (intercept: Intercept) => LambdaStage | Promise<LambdaStage>,
): Promise<OpeningsStage> {
  const handed: unknown[] = [];
  let refusals = 0;
  let isAnswerLost = false;
  let isReachable = true;
  const intercept: Intercept = async (_command, _input, call) => {
    if (!isReachable) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    refusals -= 1;
    if (refusals >= 0) throw awsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    const answer = await call();
    if (isAnswerLost) throw Object.assign(new Error('timed out'), { name: 'TimeoutError' });
    return answer;
  };
  const { client, hands, run } = await make(intercept);
  let answer: () => unknown = () => ({});
  await hands.publish(FUNCTION, async (event) => {
    handed.push(event);
    return answer();
  });
  // Over the wire nobody could advance a clock, and the pauses between tries need not last.
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const openings = lambdaOpenings(client, clock, FUNCTION);
  return {
    open: (each) => run(openings.open(each)),
    arrange: {
      answer: (value) => {
        answer = () => value;
      },
      fail: (name, message) => {
        answer = () => {
          throw Object.assign(new Error(message), { name });
        };
      },
      throttle: (calls) => {
        refusals = calls;
      },
      loseAnswer: () => {
        isAnswerLost = true;
      },
      disconnect: () => {
        isReachable = false;
      },
    },
    handed: () => handed,
  };
}
