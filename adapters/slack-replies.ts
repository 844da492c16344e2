import { escaped, plain } from '../core/people/slack-text.ts';
import type { SlackReplies } from '../core/ports.ts';

/** Hosts by which Slack takes answers; the second is that of its service for governments. */
const HOSTS = ['hooks.slack.com', 'hooks.slack-gov.com'];

/** How long Slack may take for one answer. */
const TIMEOUT_MS = 4_000;

/** Longest text of a section ("Section block"). */
const TEXT_MAX = 3_000;

/** Answers at the `response_url` of a click, which takes no token ("Handling user interaction", "Message responses"). */
export function slackReplies(fetch: typeof globalThis.fetch): SlackReplies {
  return {
    async reply(responseUrl, said) {
      const url = URL.canParse(responseUrl) ? new URL(responseUrl) : undefined;
      if (url?.protocol !== 'https:' || !HOSTS.includes(url.host))
        throw new Error('The click names an address that is not one of Slack.');
      // Plain text, in which nothing that somebody wrote is a mention, a link or a format.
      const text = plain(said, TEXT_MAX);
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          response_type: 'ephemeral',
          replace_original: false,
          text: escaped(text.text),
          blocks: [{ type: 'section', text }],
        }),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`Slack did not take the answer (${response.status}).`);
    },
  };
}
