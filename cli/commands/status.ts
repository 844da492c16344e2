import { evolve, type Rollout } from '../../core/rollout/state.ts';
import { describe, summary } from '../../core/rollout/story.ts';
import { backendFrom, parsed, WHERE } from '../arguments.ts';
import type { Command } from '../spillway.ts';

/** Says what is under way, or all about one rollout; --json prints the journal as it is. */
export const status: Command = {
  usage: 'status [ROLLOUT] [--json]',
  does: 'says what is under way, or all about one rollout',
  async run(args) {
    const names = args.some((arg) => !arg.startsWith('-') && arg.includes('--')) ? ['ROLLOUT'] : [];
    const { values, positionals } = parsed(args, names, { ...WHERE, json: { type: 'boolean' } });
    const backend = backendFrom(values);
    const [rolloutId] = positionals;
    if (rolloutId === undefined) {
      const running = await backend.read('running');
      if (values.json) console.log(JSON.stringify(running));
      else if (running.length === 0) console.log('nothing is under way');
      else for (const rollout of running) console.log(line(rollout));
      return 0;
    }
    const { rollout, events } = await backend.read('rollout', { rolloutId });
    if (values.json) console.log(JSON.stringify({ rollout, events }));
    if (rollout === undefined) {
      if (!values.json) console.error(`There is no rollout ${rolloutId} here.`);
      return 1;
    }
    if (values.json) return 0;
    let state: Rollout | undefined;
    for (const event of events) {
      state = evolve(state, event);
      const text = describe(event, state);
      if (text !== undefined && event.type !== 'RolloutClosed')
        console.log(`${new Date(event.at).toISOString().slice(0, 19)} ${text}`);
    }
    console.log(line(rollout));
    return 0;
  },
};

function line(rollout: Rollout): string {
  if (rollout.outcome !== undefined) return summary(rollout);
  const weights = Object.entries(rollout.traffic).map(([name, { weight }]) => `${name} at ${weight} %`);
  const gates = rollout.opening.gates.filter(({ before, approvers }) => {
    const open = rollout.gates[before];
    return open !== undefined && open.approvedBy.length < approvers;
  });
  const waiting = gates.map(({ before }) => `waits for approval before ${before} %`)[0];
  const state =
    rollout.leaving?.reason ?? rollout.pause?.reason ?? waiting ?? rollout.verdict?.reason ?? 'just opened';
  return `${rollout.opening.rolloutId}: ${weights.join(', ')}${rollout.pause === undefined ? '' : ', paused'}; ${state}`;
}
