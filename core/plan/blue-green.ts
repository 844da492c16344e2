import type { Fault } from '../config/check.ts';
import { secondsFrom } from '../config/duration.ts';
import { own, word } from '../config/plain.ts';
import type { Strategy } from './strategy.ts';

/** Places of the rollout file that hold what is asked before the new version takes all traffic. */
const CHECKS = [['smoke'], ['hooks', 'beforeTraffic'], ['hooks', 'beforePromotion'], ['gates']];

/** From 0 to 100 % at once, but never unchecked: something is asked before, and something is watched after. */
export const blueGreen = {
  example: 'strategy: blue-green',
  steps: () => [],
  presets: {},
  faults: (file: unknown): Fault[] => {
    const isChecked = CHECKS.some((path) => isListed(path.reduce(own, file)));
    const unchecked = {
      path: ['strategy'],
      message:
        'it moves all traffic at once, so something must be asked before: add a `smoke` test, a hook at `beforeTraffic` or `beforePromotion`, or a gate.',
    };
    const unverified = {
      path: ['verify'],
      message:
        '`strategy: blue-green` meets users only after its promotion; write a time above 0s in which it can be reverted, like `10m`.',
    };
    const isVerified = secondsFrom(word(own(file, 'verify') ?? '')) !== 0;
    return [...(isChecked ? [] : [unchecked]), ...(isVerified ? [] : [unverified])];
  },
} satisfies Strategy;

const isListed = (value: unknown) => Array.isArray(value) && value.length > 0;
