import { plainText } from '../plain-text.ts';
import type { Instant } from '../units.ts';
import { timeOfDay } from '../words.ts';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** One line, in which no half of a character has got in. */
const wellFormed = (text: string): string => plainText(text).toWellFormed();

/** Any text where Slack reads its markup: no mention, link or channel comes of it. Still `*`, `_`, `~`, a backtick and `:` mean something, so what others wrote stands in a code span or in plain text. */
export const escaped = (text: string): string =>
  wellFormed(text).replace(/[&<>]/g, (found) => ENTITIES[found] ?? '');

/** The beginning of an escaped text, at most so long, cut between characters and entities. */
export function cutEscaped(text: string, max: number): string {
  if (text.length <= max) return text;
  const whole = text.slice(0, max - 1).replace(/&[a-z]{0,3}$/, '');
  return `${whole.toWellFormed().replace(/\ufffd$/, '')}…`;
}

/** What others wrote, within markup: as code, in which nothing else has a meaning. */
export const code = (text: string, max = 100): string =>
  `\`${cutEscaped(escaped(text).replaceAll('`', "'"), max) || '-'}\``;

/** What others wrote, where Slack reads no markup at all. */
export function plain(text: string, max: number): { type: 'plain_text'; text: string; emoji: false } {
  const line = wellFormed(text);
  const whole =
    line.length <= max
      ? line
      : `${line
          .slice(0, max - 1)
          .toWellFormed()
          .replace(/\ufffd$/, '')}…`;
  return { type: 'plain_text', text: whole || '-', emoji: false };
}

/** A moment, in the time zone of whoever reads it. */
export const moment = (at: Instant): string =>
  `<!date^${Math.floor(at / 1000)}^{date_short_pretty} {time}|${timeOfDay(at)}>`;

/** A link, if the address is one of HTTP; its label alone otherwise. */
export function link(url: string | undefined, label: string, max = 100): string {
  const text = cutEscaped(escaped(label).replaceAll('|', '/'), max) || 'link';
  if (url === undefined || !/^https?:\/\/[^\s|<>]+$/.test(url)) return text;
  return `<${escaped(url)}|${text}>`;
}
