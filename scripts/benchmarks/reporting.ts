import type { FunctionName } from '../../infra/facts.ts';
import { SLACK_TOKEN } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';
import { counting, dollarsFor, FOUR_STEPS } from './charges.ts';
import type { Figures } from './figures.ts';

const DAY_MS = 24 * 3600_000;

/** True for functions that run because a rollout is reported. */
const isReporting = (name: FunctionName) => name === 'Transitions' || name === 'Notify';

/** What it costs to announce a rollout of four steps, and to report it in a channel of Slack, counted from the calls that are made for it. */
export async function reporting(): Promise<Figures> {
  const clock = virtualClock();
  const { charges, calls, world } = counting(clock, isReporting);
  const scenario = createScenario({
    ...{ clock, seed: 1, journal: 'dynamodb', warmMinutes: 2, requestsPerSecond: 1000 },
    rollout: FOUR_STEPS,
    access: { groups: {}, people: {}, believedSessions: [], notify: { '*': [{ slack: '#deploys' }] } },
    settings: { PUBLIC_URL: 'https://api.example' },
    secrets: { SlackToken: SLACK_TOKEN },
    ...world,
  });
  const { outcome } = await clock.run(scenario.run(), DAY_MS);
  if (outcome !== 'completed') throw new Error(`The rollout was to complete and is ${outcome}.`);
  await clock.advance(DAY_MS);
  return {
    'reporting a rollout of four steps to Slack: runs of Transitions': calls.Transitions ?? 0,
    'runs of Notify': calls.Notify ?? 0,
    'GB-seconds of both': Math.round(charges.gbSeconds * 100) / 100,
    'events put on the bus': charges.events,
    'write units for it': charges.writeUnits,
    'read units for it': charges.readUnits,
    'scheduled runs for it': charges.scheduled,
    'calls of Slack': scenario.slack.calls.length,
    'US dollars for reporting one rollout': Math.round(dollarsFor(charges) * 1e6) / 1e6,
  };
}
