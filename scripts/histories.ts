// `npm run histories`: plays rollouts on the embedded world under the present code and records what it stores, as
// `test/histories/<version of package.json>/`. Done once for each release; every later version must be able to go on with them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { UPGRADE_PLOTS } from '../simulation/upgrade/plots.ts';
import { eventsIn, type History, recordHistory } from '../simulation/upgrade/replay.ts';
import { shapesOf } from '../simulation/upgrade/shapes.ts';
import { given } from './arguments.ts';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { version: string };
const folder = `test/histories/${version}`;

/** Every kind of event, so that a recording misses none. */
const EVENT_TYPES = Object.keys({
  RolloutOpened: true,
  RolloutDeclined: true,
  Published: true,
  HookStarted: true,
  HookAnswered: true,
  GateOpened: true,
  Approved: true,
  ShiftIntended: true,
  Shifted: true,
  Deferred: true,
  Promoted: true,
  Measured: true,
  AlarmRaised: true,
  DriftDetected: true,
  Lowered: true,
  PinRefused: true,
  StableGone: true,
  RecallOrdered: true,
  RecallEnded: true,
  Paused: true,
  Resumed: true,
  PromotionOrdered: true,
  Rejected: true,
  Aborted: true,
  RevertOrdered: true,
  TookOver: true,
  Continued: true,
  Reverted: true,
  RolloutClosed: true,
} satisfies Record<RolloutEvent['type'], true>);

/** One line for each part, so that a change of one is seen as that. */
function linesOf({ plot, events, writes, cuts, ends }: History): string {
  const lines = [
    { plot, ends },
    ...events.map((event) => ({ event })),
    ...writes.map((write) => ({ write })),
    ...cuts.map((cut) => ({ cut })),
  ];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

async function record(): Promise<string[]> {
  if (existsSync(at(folder)))
    return [
      `${folder} is there: histories of a released version never change. Raise the version in package.json; or, if ${version} was never released nor deployed, delete the folder and record again.`,
    ];
  const histories: History[] = [];
  for (const plot of Object.keys(UPGRADE_PLOTS)) histories.push(await recordHistory(plot));
  const written = new Set(
    histories.flatMap(({ events }) =>
      Object.values(eventsIn(events.map(({ item }) => item))).flatMap((all) =>
        all.map(({ type }) => type as string),
      ),
    ),
  );
  const missing = EVENT_TYPES.filter((type) => !written.has(type));
  if (missing.length > 0)
    return [`No rollout writes ${missing.join(', ')}; add one to simulation/upgrade/plots.ts that does.`];
  mkdirSync(at(folder), { recursive: true });
  copyFileSync(at('statemachines/rollout.asl.json'), at(`${folder}/rollout.asl.json`));
  for (const history of histories) writeFileSync(at(`${folder}/${history.plot}.jsonl`), linesOf(history));
  writeFileSync(at(`${folder}/shapes.ts`), shapesOf(histories));
  const biome = spawnSync(
    process.execPath,
    [at('node_modules/@biomejs/biome/bin/biome'), 'format', '--write', at(folder)],
    { encoding: 'utf8' },
  );
  if (biome.status !== 0) return [`Biome could not format ${folder}: ${biome.stderr}`];
  const cuts = histories.reduce((sum, each) => sum + each.cuts.length, 0);
  console.log(`${folder}: ${histories.length} histories, cut at ${cuts} moments`);
  // This version's own word on what a death at that moment costs; read it before it is kept.
  for (const { plot, cuts: made, ends } of histories)
    for (const cut of made)
      if (JSON.stringify(cut.ends.watchdog) !== JSON.stringify(ends))
        console.log(`${plot}: an execution that dies after ${cut.after} ends otherwise`);
  return [];
}

given({
  name: 'npm run histories',
  takes: [],
  does: 'records what this version stores, for later versions to be tested with',
  options: {},
});
const problems = await record();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
