import type { Client } from '../../client/client.ts';
import { wholeRollout } from '../../client/whole-rollout.ts';
import { rolloutIdFrom } from '../../core/config/manifest.ts';
import { type Outline, outlineText } from '../../core/rollout/outline.ts';
import { storyteller } from '../../core/rollout/view.ts';
import { clientFrom, rolloutIdFrom as named } from '../arguments.ts';
import type { GivenTo, STATUS } from '../calls.ts';
import { say, sayJson } from '../print.ts';
import { standingOf } from '../standing.ts';
import { unknownRollout } from '../unknown.ts';
import { waiting } from '../watch.ts';

/** Says what is under way, or all about one rollout; --json prints what there is of it as data, --verbose the statistics under each verdict. */
export async function status({ args, options }: GivenTo<typeof STATUS>): Promise<number> {
  const rolloutId = args.length === 0 ? undefined : named(args[0]);
  const client = await clientFrom(options);
  if (rolloutId === undefined) {
    const running = await client.running();
    if (options.json) sayJson(running);
    else if (running.length === 0) say('nothing is under way');
    else for (const text of [...running.map(outlineText), ...(await queued(client, running))]) say(text);
    return 0;
  }
  const { view, events, waitsFor } = await wholeRollout(client, rolloutId);
  if (options.json) sayJson({ rollout: view, events, waitsFor });
  if (view === undefined) {
    if (options.json) return waitsFor === undefined ? 1 : 0;
    if (waitsFor === undefined) throw await unknownRollout(client, rolloutId);
    say(waiting(rolloutId, waitsFor));
    return 0;
  }
  if (options.json) return 0;
  const narrate = storyteller();
  for (const event of events) {
    const { line } = narrate(event, options.verbose);
    if (line !== undefined && event.type !== 'RolloutClosed')
      say(`${new Date(event.at).toISOString().slice(0, 19)} ${line}`);
  }
  for (const line of ['', ...standingOf(view, events), outlineText(view)]) say(line);
  return 0;
}

/** The releases that wait for what is under way: one for each service at most. */
async function queued(client: Client, running: Outline[]): Promise<string[]> {
  const services = [...new Set(running.map(({ opening }) => opening.service))];
  const lines = services.map(async (service) => {
    const { waiting: next } = await client.service(service);
    const ours = running.filter(({ opening }) => opening.service === service);
    return next === undefined
      ? []
      : [
          waiting(
            rolloutIdFrom(service, next.release, next.attempt),
            ours.map(({ opening }) => opening.rolloutId),
          ),
        ];
  });
  return (await Promise.all(lines)).flat();
}
