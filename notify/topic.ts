import type { News, Notice, Sink } from '../core/people/notice.ts';
import { plainText } from '../core/plain-text.ts';

/** A message for the subscribers of a topic. */
interface TopicMessage {
  subject: string;
  message: string;
  attributes: Record<string, string>;
}

/** Publishes to topics. */
type Publish = (topicArn: string, message: TopicMessage) => Promise<void>;

/** SNS takes fewer than 100 characters (SNS API reference, Publish), and mail programs show fewer. */
const SUBJECT_MAX = 99;

/** A message to a topic for each notice; figures that are only newer are none. */
export function snsTopic(topicArn: string, publish: Publish): Sink {
  return {
    key: `sns ${topicArn}`,
    async *deliver(news) {
      for (const notice of news.notices) {
        if (notice.kind !== 'measured') await publish(topicArn, topicMessage(news, notice));
        yield { upTo: notice };
      }
    },
  };
}

function topicMessage({ view, weight, ahead, links }: News, notice: Notice): TopicMessage {
  const { service, environment, release, rolloutId, commit, author } = view.opening;
  const versions = view.targets.map(({ name, stable, canary }) => `${name} ${stable} -> ${canary || 'new'}`);
  const at = ahead?.at === undefined ? '' : `, ${new Date(ahead.at).toISOString()}`;
  const lines = [
    notice.line,
    '',
    `Rollout: ${rolloutId}`,
    `Service: ${service} in ${environment}`,
    `Release: ${release} (${versions.join(', ')})`,
    ...(commit === undefined ? [] : [`Commit: ${links.commit ?? commit}`]),
    ...(author === undefined ? [] : [`Author: ${author}`]),
    `Traffic on the canary: ${view.inside ?? `${weight} %`}`,
    `When: ${new Date(notice.at).toISOString()}`,
    ...(ahead === undefined ? [] : [`Next: ${ahead.what}${at}`]),
    ...(links.details === undefined ? [] : ['', `Details: ${links.details}`]),
    ...(links.abort === undefined ? [] : [`Abort: ${links.abort}`]),
    ...(links.pause === undefined ? [] : [`Pause: ${links.pause}`]),
  ];
  return {
    subject: subjectOf(`[${environment}] ${service} ${release}: ${notice.line}`),
    message: lines.map(plainText).join('\n'),
    attributes: { service, environment, kind: notice.kind, importance: notice.importance },
  };
}

/** What every subscriber takes: one line of ASCII that begins with a letter, digit or sign. */
const subjectOf = (text: string): string =>
  plainText(text)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, SUBJECT_MAX)
    .trim();
