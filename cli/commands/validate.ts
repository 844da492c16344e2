import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { hooksFrom, limitsFrom, planFrom, watchFrom } from '../../core/config/rollout-file.ts';
import { duration } from '../../core/words.ts';
import { parsed } from '../arguments.ts';
import type { Command } from '../spillway.ts';

/** Checks a rollout file and says what it would do; exit code 1 where it is refused. */
export const validate: Command = {
  usage: 'validate FILE',
  does: 'checks a rollout file and says what it would do',
  async run(args) {
    const [path = ''] = parsed(args, ['FILE'], {}).positionals;
    const file = await readRolloutFile(path);
    const { plan, notices } = planFrom(file);
    const steps = plan.steps.map(({ weight, bakeSeconds }) => `${weight} % for ${duration(bakeSeconds)}`);
    console.log(`${path} is a good rollout file of ${file.service}.`);
    console.log(`  ${[...steps, `100 %, verified for ${duration(plan.verifySeconds)}`].join(', ')}`);
    console.log(
      `  ${hooksFrom(file).length} smoke tests and hooks, ${watchFrom(file).length} watch rules, ${limitsFrom(file).length} limits, ${(file.alarms ?? []).length} alarms; without enough evidence: ${plan.onInconclusive}`,
    );
    for (const notice of notices) console.log(`  notice: ${notice}`);
    return 0;
  },
};
