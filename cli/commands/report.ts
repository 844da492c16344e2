import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { wholeRollout } from '../../client/whole-rollout.ts';
import { overviewer } from '../../core/people/overview.ts';
import { inMarkup } from '../../core/plain-text.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { type RolloutView, storyteller } from '../../core/rollout/view.ts';
import saved from '../../page/saved.json' with { type: 'json' };
import { clientFrom, pathFrom, rolloutIdFrom } from '../arguments.ts';
import type { GivenTo, REPORT } from '../calls.ts';
import { say, sayJson } from '../print.ts';
import { unknownRollout } from '../unknown.ts';

/** Writes the story of one rollout as a page that needs nothing else: what happened, and what was measured. */
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

/**
 * The dashboard's page about the rollout, saved: its script and style stand in it by their digests, and nothing else may be
 * loaded or run. Below it is the same as text, for whoever runs no script.
 */
export function page(view: RolloutView, events: RolloutEvent[]): string {
  const told = overviewer();
  const narrate = storyteller();
  const lines = events.flatMap((event) => {
    told.add(event);
    const { line } = narrate(event, event.type === 'RolloutOpened');
    const said = event.type === 'RolloutClosed' ? view.state : line;
    return said === undefined
      ? []
      : [`<li><time>${new Date(event.at).toISOString().slice(0, 19)}</time> ${inMarkup(said)}</li>`];
  });
  const shown = {
    ...told.show(view.outcome === undefined ? undefined : view.state),
    choices: [],
    who: { name: '' },
  };
  const policy = `default-src 'none'; script-src ${digestOf(saved.script)}; style-src ${digestOf(saved.style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="${policy}">
<title>${inMarkup(view.opening.rolloutId)}</title>
<style>${saved.style}</style>
</head><body><div id="page"><h1>${inMarkup(view.opening.rolloutId)}</h1><p>${inMarkup(view.state)}</p>
<p>Times are UTC.</p>
<ol class="story">${lines.join('\n')}</ol></div>
<script type="application/json" id="shown">${JSON.stringify(shown).replaceAll('<', '\\u003c')}</script>
<script type="module">${saved.script}</script></body></html>
`;
}

/** What a policy calls a script or style that stands in the page. */
const digestOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
