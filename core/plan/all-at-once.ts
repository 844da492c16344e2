import type { Strategy } from './strategy.ts';

/** No step: from 0 to 100 % at once, held to account by smoke checks, alarms and `verify`. */
export const allAtOnce = {
  example: 'strategy: all-at-once',
  steps: () => [],
  presets: { AllAtOnce: [] },
} satisfies Strategy;
