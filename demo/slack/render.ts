import type {
  Button,
  ConfirmationDialog,
  ContextBlockElement,
  KnownBlock,
  MessageAttachment,
  TextObject,
} from '@slack/types';
import { inMarkup } from '../../core/plain-text.ts';
import { timeOfDay } from '../../core/words.ts';

/** A message as a channel shows it. */
export interface Shown {
  ts: string;
  text?: string | undefined;
  blocks?: KnownBlock[] | undefined;
  attachments?: MessageAttachment[] | undefined;
  /** The message that it answers. */
  thread?: string | undefined;
  /** True for an answer that is shown in the channel as well. */
  isBroadcast?: boolean | undefined;
  /** The only person who sees it. */
  only?: string | undefined;
}

/** The messages of a channel as one person sees them, as HTML in which nothing that somebody wrote is markup. */
export function messagesHtml(messages: readonly Shown[], personId: string): string {
  const visible = messages.filter(({ only }) => only === undefined || only === personId);
  const roots = visible.filter(({ thread, isBroadcast }) => thread === undefined || isBroadcast === true);
  return roots
    .map((root) => {
      const replies = visible.filter(({ thread }) => thread === root.ts);
      return messageHtml(root, replies);
    })
    .join('\n');
}

function messageHtml(message: Shown, replies: readonly Shown[]): string {
  const { ts, only, isBroadcast } = message;
  const notes = [
    ...(only === undefined ? [] : ['<p class="note">Only visible to you</p>']),
    ...(isBroadcast === true ? ['<p class="note">replied to a thread</p>'] : []),
  ];
  const last = replies.at(-1);
  const thread =
    last === undefined
      ? ''
      : `<details class="thread" data-ts="${ts}"><summary>${replies.length} ${replies.length === 1 ? 'reply' : 'replies'} <span class="faint">last at ${timeHtml(last.ts)}</span></summary>
${replies.map((each) => `<div class="reply"><p class="faint">${timeHtml(each.ts)}</p>${bodyHtml(each)}</div>`).join('\n')}</details>`;
  return `<article class="message${only === undefined ? '' : ' only'}">
<div class="avatar" aria-hidden="true">S</div>
<div class="body">${notes.join('')}
<p class="who"><b>Spillway</b> <span class="app">APP</span> <span class="faint">${timeHtml(ts)}</span></p>
${bodyHtml(message)}${thread}
</div>
</article>`;
}

function bodyHtml({ ts, text = '', blocks = [], attachments = [] }: Shown): string {
  // Where there are blocks, the text is only what a notification shows.
  const said =
    blocks.length > 0 ? blocks.map((block) => blockHtml(block, ts)).join('\n') : `<p>${mrkdwn(text)}</p>`;
  return `${said}${attachments.map((each) => attachmentHtml(each, ts)).join('\n')}`;
}

/** Only a picture can have a colour that a message chooses: the page allows no style of its own. */
function attachmentHtml({ color = '#dddddd', blocks = [] }: MessageAttachment, ts: string): string {
  const fill = /^#[0-9a-f]{6}$/i.test(color) ? color : '#dddddd';
  return `<div class="attachment"><svg class="bar" aria-hidden="true"><rect width="4" height="100%" rx="2" fill="${fill}"/></svg>
<div>${blocks.map((block) => blockHtml(block as KnownBlock, ts)).join('\n')}</div></div>`;
}

function blockHtml(block: KnownBlock, ts: string): string {
  switch (block.type) {
    case 'section': {
      const fields = (block.fields ?? []).map((field) => `<div>${textHtml(field)}</div>`).join('');
      return `<div class="section">${block.text === undefined ? '' : `<p>${textHtml(block.text)}</p>`}${
        fields === '' ? '' : `<div class="fields">${fields}</div>`
      }</div>`;
    }
    case 'header':
      return `<h3>${textHtml(block.text)}</h3>`;
    case 'divider':
      return '<hr>';
    case 'context':
      return `<p class="context">${block.elements.map(contextHtml).join(' ')}</p>`;
    case 'input': {
      const { element, label, optional } = block;
      if (element.type !== 'plain_text_input') throw notShown(`an input of the type ${element.type}`);
      const id = inMarkup(block.block_id ?? '');
      const most = element.max_length ?? 3_000;
      return `<label class="input"><span>${textHtml(label)}${optional === true ? ' <span class="faint">(optional)</span>' : ''}</span>
<input type="text" name="${id}" data-ts="${ts}" maxlength="${most}" autocomplete="off"></label>`;
    }
    case 'actions':
      return `<div class="actions">${block.elements
        .map((element) => {
          if (element.type !== 'button') throw notShown(`an action of the type ${element.type}`);
          return buttonHtml(element, ts);
        })
        .join('\n')}</div>`;
    default:
      throw notShown(`a block of the type ${block.type}`);
  }
}

const notShown = (what: string) => new Error(`The page does not show ${what}.`);

function contextHtml(element: ContextBlockElement): string {
  if (element.type === 'image') throw notShown('a picture');
  return textHtml(element);
}

function buttonHtml({ text, style, url, action_id = '', confirm }: Button, ts: string): string {
  const kind = style === undefined ? 'button' : `button ${style}`;
  const press = `class="${kind}" data-ts="${ts}" data-action="${inMarkup(action_id)}"`;
  if (url !== undefined) {
    // A link of a scheme that runs something is none.
    const href = /^https?:\/\//.test(url) ? url : '#';
    return `<a ${press} href="${inMarkup(href)}" target="_blank" rel="noreferrer">${textHtml(text)}</a>`;
  }
  const asked =
    confirm === undefined ? '' : ` data-confirm="${inMarkup(JSON.stringify(confirmed(confirm)))}"`;
  return `<button type="button" ${press}${asked}>${textHtml(text)}</button>`;
}

/** What the dialog says, as plain text. */
function confirmed({ title, text, confirm, deny, style }: ConfirmationDialog) {
  return {
    ...{
      title: title?.text ?? '',
      text: text.text,
      confirm: confirm?.text ?? 'Yes',
      deny: deny?.text ?? 'No',
    },
    style: style ?? 'primary',
  };
}

const textHtml = (text: TextObject): string =>
  text.type === 'mrkdwn' ? mrkdwn(text.text) : inMarkup(text.text).replaceAll('\n', '<br>');

/** Marks where something that is not plain stands while the rest is formatted; none of them is in a text. */
const [OPEN, CLOSE] = ['\ue000', '\ue001'];

/** What Slack makes of its markup ("Formatting text for app surfaces"), as far as it is common. */
export function mrkdwn(text: string): string {
  const special: string[] = [];
  const kept = text
    .replace(/[\ue000\ue001]/g, '')
    .replace(/```([\s\S]+?)```|`([^`\n]+)`|<([^<>|]+)(?:\|([^<>]*))?>/g, (_, pre, code, target, label) => {
      special.push(
        pre !== undefined
          ? `<pre>${inMarkup(decoded(pre))}</pre>`
          : code !== undefined
            ? `<code>${inMarkup(decoded(code))}</code>`
            : linked(target, label),
      );
      return `${OPEN}${special.length - 1}${CLOSE}`;
    });
  return inMarkup(decoded(kept))
    .replace(/(^|[\s(])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])/g, '$1<b>$2</b>')
    .replace(/(^|[\s(])_(\S(?:[^_\n]*\S)?)_(?![\w_])/g, '$1<i>$2</i>')
    .replace(/(^|[\s(])~(\S(?:[^~\n]*\S)?)~(?![\w~])/g, '$1<s>$2</s>')
    .replaceAll('\n', '<br>')
    .replace(/\ue000(\d+)\ue001/g, (_, nth) => special[Number(nth)] ?? '');
}

const DAY = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });

function linked(target: string, label: string | undefined): string {
  const [, seconds, format = ''] = /^!date\^(\d{1,11})\^([^^]*)/.exec(target) ?? [];
  if (seconds !== undefined) {
    const at = Number(seconds) * 1_000;
    return `<time>${format.includes('{date') ? `${DAY.format(at)}, ` : ''}${timeOfDay(at)}</time>`;
  }
  if (/^[!@#]/.test(target))
    return `<span class="mention">${inMarkup(decoded(label ?? target.replace(/^!/, '@')))}</span>`;
  const address = decoded(target);
  const shown = inMarkup(decoded(label ?? target));
  return /^(?:https?:\/\/|mailto:)/.test(address)
    ? `<a href="${inMarkup(address)}" target="_blank" rel="noreferrer">${shown}</a>`
    : shown;
}

const decoded = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const timeHtml = (ts: string): string => timeOfDay(Number(ts) * 1_000);
