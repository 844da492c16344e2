import { writeFile } from 'node:fs/promises';
import { wholeRollout } from '../../client/whole-rollout.ts';
import { type Judged, pictureOf } from '../../core/analysis/picture.ts';
import { inMarkup } from '../../core/plain-text.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { type RolloutView, storyteller } from '../../core/rollout/view.ts';
import { clientFrom, pathFrom, rolloutIdFrom } from '../arguments.ts';
import type { GivenTo, REPORT } from '../calls.ts';
import { say, sayJson } from '../print.ts';
import { unknownRollout } from '../unknown.ts';

/** Writes the story of one rollout as a page that needs nothing else: what happened, and a picture per metric. */
export async function report({ args: [id, path = ''], options }: GivenTo<typeof REPORT>): Promise<number> {
  const rolloutId = rolloutIdFrom(id);
  const client = await clientFrom(options);
  const { view, events } = await wholeRollout(client, rolloutId);
  if (view === undefined) throw await unknownRollout(client, rolloutId);
  try {
    await writeFile(pathFrom(path), page(view, events));
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`${path} cannot be written: ${UNWRITABLE[code] ?? message}`), { code });
  }
  if (options.json) sayJson({ rolloutId, file: path });
  else say(`${path} is written`);
  return 0;
}

const UNWRITABLE: Record<string, string> = {
  ENOENT: 'there is no such folder; make it first.',
  EISDIR: 'it is a folder; name a file in it.',
};

/** The page; everything that came from outside is escaped. */
export function page(view: RolloutView, events: RolloutEvent[]): string {
  const judged: Judged[] = events.flatMap((event) =>
    event.type === 'Measured' ? [{ at: event.at, verdict: event.verdict }] : [],
  );
  const subjects = judged.at(-1)?.verdict.findings ?? [];
  const lines: string[] = [];
  const narrate = storyteller();
  for (const event of events) {
    const told = narrate(event, event.type === 'RolloutOpened');
    const line = event.type === 'RolloutClosed' ? view.state : told.line;
    if (line !== undefined)
      lines.push(`<li><time>${new Date(event.at).toISOString().slice(0, 19)}</time> ${inMarkup(line)}</li>`);
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${inMarkup(view.opening.rolloutId)}</title>
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}svg{max-width:100%;height:auto;margin:1rem 0}time{opacity:.7}ol{padding-left:2rem}li{white-space:pre-line}</style>
</head><body><h1>${inMarkup(view.opening.rolloutId)}</h1><p>${inMarkup(view.state)}</p>
<p>Times are UTC.</p>
<ol>${lines.join('\n')}</ol>
${subjects.map((subject) => `<details><summary>${inMarkup(`${subject.target} ${subject.metric}`)}: the statistics</summary>${pictureOf(judged, subject)}</details>`).join('\n')}</body></html>
`;
}
