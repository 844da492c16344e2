import { expect, test } from 'vitest';
import { FAULTS, type Hidden } from '../../../simulation/weather/models.ts';
import { isDisclaimed, isSaid } from '../../../simulation/weather/said.ts';

const FOUND =
  'api: a release that fails 2.2 % of its requests is found within 2 min at 5 %; below 0.5 % is not visible in any step';
const UNSEEN =
  'not seen by this plan: slow answers (no rule `latency`); harm that shows only above 95 % of the traffic (100 % is watched for 2 min without a control)';

test.each<[string, Hidden, string[], boolean]>([
  ['a smaller share than any that is found', { share: 0.004 }, [FOUND, UNSEEN], true],
  ['a share that is found', { share: 0.01 }, [FOUND, UNSEEN], false],
  ['a share, where only other harm is named', { share: 0.004 }, [UNSEEN], false],
  ['any share of a plan that is blind', { share: 0.5 }, ['at this rate this plan cannot see anything'], true],
  ['a weight above the one that is named', { above: 96 }, [FOUND, UNSEEN], true],
  ['a weight that has a control', { above: 25 }, [FOUND, UNSEEN], false],
  [
    'a loss below the one that shows',
    { lost: 0.05 },
    ["uncounted losses below 7 % of the canary's requests are not visible"],
    true,
  ],
  [
    'a loss that shows',
    { lost: 0.45 },
    ["uncounted losses below 7 % of the canary's requests are not visible"],
    false,
  ],
  ['a loss that nothing names', { lost: 0.45 }, [FOUND, UNSEEN], false],
  [
    'requests that run for longer',
    { runsSeconds: 900 },
    ['not seen by this plan: requests that run longer than 10 min (api may run for 15 min); more'],
    true,
  ],
  ['long requests that nothing names', { runsSeconds: 900 }, [FOUND, UNSEEN], false],
])('an opening is asked for this harm: %s', (_, hidden, outlook, said) => {
  expect(isSaid(outlook, hidden)).toBe(said);
});

test('an opening without a word on a fault names none of them', () => {
  for (const { hidden } of Object.values(FAULTS))
    expect(isSaid(['not seen by this plan: slow answers (no rule `latency`)'], hidden)).toBe(false);
});

test.each<[string, Hidden, string, boolean]>([
  ['below what it finds', { share: 0.004 }, 'no step finds a release that fails less than 1.2 %', true],
  ['that it finds', { share: 0.02 }, 'no step finds a release that fails less than 1.2 %', false],
  ['if it found none', { share: 0.5 }, 'no step could find failures at the traffic of its opening', true],
  ['that it does not name', { share: 0.004 }, 'errors: canary 0 of 900 failed', false],
  ['of another sort', { lost: 0.01 }, 'no step finds a release that fails less than 1.2 %', false],
])('an outcome disclaims harm %s: %#', (_, hidden, said, isNamed) => {
  expect(isDisclaimed(`proven: nothing is worse; ${said}`, hidden)).toBe(isNamed);
});
