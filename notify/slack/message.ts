import type {
  ActionsBlock,
  Button,
  ConfirmationDialog,
  InputBlock,
  KnownBlock,
  MessageAttachment,
  MrkdwnElement,
} from '@slack/types';
import { type Choice, choicesOf } from '../../core/people/choice.ts';
import type { News, Notice } from '../../core/people/notice.ts';
import { buttonValue, type Button as Name, REASON } from '../../core/people/slack-button.ts';
import { code, cutEscaped, escaped, link, moment, plain } from '../../core/people/slack-text.ts';
import { type Phase, stageOf, statedOf } from '../../core/people/standing.ts';
import { short } from '../../core/people/transition.ts';
import { authorOf, nameOf } from '../../core/rollout/actor.ts';
import { duration, number } from '../../core/words.ts';

/** A message as both methods of Slack take it, and an incoming webhook without the rest. */
export interface SlackMessage {
  /** What a notification shows, and what stands above the attachment. */
  text: string;
  attachments: MessageAttachment[];
}

/** The bar at the side of a message. */
const COLOURS: Record<Phase, string> = {
  running: '#2f6fde',
  waiting: '#d9a400',
  paused: '#d9a400',
  'needs a person': '#c4233a',
  reverting: '#e0701a',
  completed: '#2c8a4b',
  reverted: '#e0701a',
  refused: '#7a7a7a',
  superseded: '#7a7a7a',
  halted: '#c4233a',
};

/** Longest parts of a message, in characters: together they stay far under what Slack takes of one (about 9,000). */
const HEADLINE_MAX = 400;
const SENTENCE_MAX = 600;
const VERDICT_MAX = 700;
const FIELD_MAX = 200;
/** Longest thread line, longest text of several, and most of a message of them: the longest opening fits into one. */
const LINE_MAX = 1_000;
const LINES_MAX = 2_800;
const THREAD_MAX = 5_900;
/** Most of Slack's own for a line of reasons. */
const REASON_INPUT_MAX = 1_000;
/** Longest address that a button takes. */
const URL_MAX = 3_000;
/** Most targets that are named. */
const TARGETS_MAX = 3;

/** The one message of a rollout, as it stands now. */
export function rolloutMessage(news: News): SlackMessage {
  const { view, paged } = news;
  const isOver = view.outcome !== undefined;
  const blocks: KnownBlock[] = [
    { type: 'section', text: mrkdwn(`${bar(news)}  ${stageOf(news.view)}`), fields: fieldsOf(news) },
    ...(isOver ? [] : statedOf(view).map((said) => sentence(said, VERDICT_MAX))),
    ...(isOver && view.reason !== undefined ? [sentence(view.reason, VERDICT_MAX)] : []),
    ...(paged === undefined ? [] : [sentence(pagedLine(paged), SENTENCE_MAX)]),
    ...nextOf(news),
    ...(isOver ? [] : [reasonInput()]),
    ...buttonsOf(news),
    { type: 'context', elements: [mrkdwn(footOf(news))] },
  ];
  return messageOf(news, headlineOf(news), blocks);
}

/** A message of its own about one notice, for a webhook: nothing in it can be updated or pressed but links. */
export function noticeMessage(news: News, notice: Notice): SlackMessage {
  const { links } = news;
  const buttons = [...linkButton('Abort', links.abort, 'danger'), ...linkButton('Details', links.details)];
  const blocks: KnownBlock[] = [
    sentence(notice.line, LINE_MAX),
    { type: 'section', text: mrkdwn(`${bar(news)}  ${stageOf(news.view)}`), fields: fieldsOf(news) },
    ...(buttons.length === 0 ? [] : [{ type: 'actions' as const, elements: buttons }]),
    { type: 'context', elements: [mrkdwn(footOf(news))] },
  ];
  return messageOf(news, headlineOf(news), blocks);
}

/** A message of a thread, and the notices that it is about. */
interface ThreadMessage {
  notices: Notice[];
  message: { text: string; blocks: KnownBlock[] };
}

/** The lines of a thread about notices, in as few messages as they fit into; with what a person should know of the opening. */
export function threadMessages(notices: readonly Notice[]): ThreadMessage[] {
  const parts: { notices: Notice[]; lines: string[] }[] = [];
  for (const notice of notices) {
    const said = [notice.line, ...(notice.transition?.notices ?? [])];
    const lines = said.map((line) => plain(line, LINE_MAX).text);
    const part = parts.at(-1);
    if (part === undefined || lengthOf([...part.lines, ...lines]) > THREAD_MAX)
      parts.push({ notices: [notice], lines });
    else {
      part.notices.push(notice);
      part.lines.push(...lines);
    }
  }
  return parts.map(({ notices, lines }) => {
    const text = cutEscaped(lines.map(escaped).join('\n'), LINES_MAX);
    return { notices, message: { text, blocks: sectionsOf(lines) } };
  });
}

/** Lines in as few sections as they fit into. */
function sectionsOf(lines: readonly string[]): KnownBlock[] {
  const sections: string[][] = [];
  for (const line of lines) {
    const section = sections.at(-1);
    if (section === undefined || lengthOf([...section, line]) > LINES_MAX) sections.push([line]);
    else section.push(line);
  }
  return sections.map((section) => ({
    type: 'section',
    text: { type: 'plain_text', text: section.join('\n'), emoji: false },
  }));
}

const lengthOf = (lines: readonly string[]): number => lines.reduce((sum, { length }) => sum + length + 1, 0);

const messageOf = ({ phase }: News, headline: string, blocks: KnownBlock[]): SlackMessage => ({
  text: headline,
  // Only an attachment has a colour.
  attachments: [{ color: COLOURS[phase], fallback: headline, blocks }],
});

/** What a notification shows. */
function headlineOf({ view, weight, phase, since }: News): string {
  const { service, release } = view.opening;
  const name = `*${code(service)}* ${code(release)}`;
  const { environment, commit } = view.opening;
  if (view.outcome === undefined)
    return cutEscaped(
      `${name} in ${code(environment)}: ${view.inside === undefined ? `${weight} %` : code(view.inside)}, ${phase}`,
      HEADLINE_MAX,
    );
  const { exposure } = view;
  const met =
    exposure === undefined || view.outcome === 'refused' || view.outcome === 'superseded'
      ? ''
      : `: ${number(exposure.failed)} of ${number(exposure.requests)} canary requests failed in ${duration(exposure.seconds)}`;
  const commits =
    commit === undefined || view.outcome === 'completed'
      ? ''
      : `; ${since === undefined || since === commit ? `commit ${code(short(commit))}` : `commits ${code(`${short(since)}..${short(commit)}`)}`}`;
  return cutEscaped(`${name} in ${code(environment)} ${view.outcome}${met}${commits}`, HEADLINE_MAX);
}

const mrkdwn = (text: string): MrkdwnElement => ({ type: 'mrkdwn', text, verbatim: true });

const sentence = (text: string, max: number): KnownBlock => ({ type: 'section', text: plain(text, max) });

/** How much of the traffic the canary has, to be seen at a glance. */
function bar({ weight, view: { inside } }: News): string {
  const filled = Math.ceil(weight / 10);
  return `\`${'█'.repeat(filled)}${'░'.repeat(10 - filled)}\` ${inside === undefined ? `${Number(weight.toFixed(2))} %` : code(inside)}`;
}

function fieldsOf({ view, since, links }: News): MrkdwnElement[] {
  const { opening, targets } = view;
  const named = targets
    .slice(0, TARGETS_MAX)
    .map(({ name, stable, canary }) => `${name}: ${stable} → ${canary || 'new'}`);
  const versions = [...named, ...(targets.length > TARGETS_MAX ? ['…'] : [])].join(', ');
  const { commit, author } = opening;
  const range =
    commit && (since === undefined || since === commit ? short(commit) : `${short(since)}..${short(commit)}`);
  const who = authorOf(opening);
  return [
    field('Service', code(opening.service, FIELD_MAX)),
    field('Environment', code(opening.environment, FIELD_MAX)),
    field('Versions', code(versions, FIELD_MAX)),
    ...(range === undefined ? [] : [field('Commit', linked(links.commit, range))]),
    ...(who === undefined
      ? []
      : [field('Author', linked(author === undefined ? undefined : links.author, who))]),
  ];
}

/** What others wrote, as a link if there is an address for it. */
const linked = (url: string | undefined, text: string): string =>
  url === undefined ? code(text, FIELD_MAX) : link(url, text, FIELD_MAX);

const field = (name: string, value: string): MrkdwnElement => mrkdwn(`*${name}*\n${value}`);

function pagedLine({ reason, acknowledgedBy }: News['paged'] & object): string {
  const who = acknowledgedBy && nameOf(acknowledgedBy);
  return who === undefined ? `Needs a person: ${reason}` : `${who} acknowledged it: ${reason}`;
}

function nextOf({ ahead }: News): KnownBlock[] {
  if (ahead === undefined) return [];
  const at = ahead.at === undefined ? '' : `, ${moment(ahead.at)}`;
  return [{ type: 'section', text: mrkdwn(`*Next:* ${escaped(ahead.what)}${at}`) }];
}

const reasonInput = (): InputBlock => ({
  type: 'input',
  block_id: REASON,
  optional: true,
  label: plain('Reason', 100),
  element: { type: 'plain_text_input', action_id: REASON, max_length: REASON_INPUT_MAX },
});

/** What can be pressed now: what comes after an end takes more thought than a message has room for. */
function buttonsOf({ view, weight, paged, links }: News): ActionsBlock[] {
  const { rolloutId } = view.opening;
  const pressed = choicesOf(view, weight, paged).flatMap((choice) =>
    choice.command === 'retry' || choice.command === 'rollback'
      ? []
      : [button(choice.command, choice, rolloutId)],
  );
  const elements = [...pressed, ...linkButton('Details', links.details)];
  return elements.length === 0 ? [] : [{ type: 'actions', block_id: 'actions', elements }];
}

function button(name: Name, { label, does, style, step, gate, page }: Choice, rolloutId: string): Button {
  const confirm: ConfirmationDialog = {
    title: plain(`${label}?`, 100),
    text: plain(does, 300),
    confirm: plain(label, 30),
    deny: plain('Cancel', 30),
    ...(style === undefined ? {} : { style }),
  };
  const which = {
    ...(step === undefined ? {} : { step }),
    ...(gate === undefined ? {} : { gate }),
    ...(page === undefined ? {} : { page }),
  };
  return {
    type: 'button',
    action_id: name,
    text: plain(label, 75),
    value: buttonValue({ rolloutId, ...which }),
    ...(style === undefined ? {} : { style }),
    confirm,
  };
}

function linkButton(label: string, url: string | undefined, style?: 'danger'): Button[] {
  if (url === undefined || url.length > URL_MAX) return [];
  const action_id: Name = 'details';
  const text = plain(label, 75);
  return [
    {
      ...{
        type: 'button',
        action_id: label === 'Details' ? action_id : `link-${label.toLowerCase()}`,
        text,
        url,
      },
      ...(style === undefined ? {} : { style }),
    } as Button,
  ];
}

/** For whoever has no account in this workspace, and which rollout it is. */
function footOf({ view, links: { abort, pause } }: News): string {
  const acting =
    view.outcome === undefined ? Object.entries({ 'Abort by link': abort, 'Pause by link': pause }) : [];
  const links = acting.flatMap(([text, url]) => (url === undefined ? [] : [link(url, text)]));
  return [code(view.opening.rolloutId), ...links, `as of ${moment(view.lastEventAt)}`].join('  ·  ');
}
