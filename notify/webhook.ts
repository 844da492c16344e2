import type { News, Notice, Sink } from '../core/people/notice.ts';

/** One address that takes webhooks. */
interface Webhook {
  /** What tells it from others, without its address: that may be a secret. */
  key: string;
  /** Posts a body under an id that is the same each time. `gone`: whoever is there wants nothing more. @throws Error if it was not taken */
  post(id: string, body: string): Promise<'taken' | 'gone'>;
}

/** A signed request for each notice, with all that it says; `gone` learns of a rollout of which whoever is there wants to hear nothing more. */
export function webhookSink({ key, post }: Webhook, gone: () => void): Sink {
  return {
    key,
    async *deliver(news, memo) {
      for (const notice of news.notices) {
        if (memo?.gone !== undefined) break;
        const result = await post(notice.id, JSON.stringify(payloadOf(news, notice)));
        yield { upTo: notice, ...(result === 'gone' ? { memo: { gone: 'yes' } } : {}) };
        if (result === 'gone') return gone();
      }
    },
  };
}

/** What a webhook is sent (Standard Webhooks: `type`, `timestamp` and `data`). */
function payloadOf({ view, weight, paged, links }: News, notice: Notice): object {
  const { id, n, kind, at, line, importance, by } = notice;
  const { environment, service, rolloutId, release } = view.opening;
  const said = {
    ...{ schema: 1, id, kind, environment, service, rolloutId, release, n, at, line },
    ...{ state: view.state, weight, importance, by, outcome: view.outcome },
  };
  return {
    type: `rollout.${kind}`,
    timestamp: new Date(at).toISOString(),
    data: { ...(notice.transition ?? said), page: importance === 'page' ? paged?.key : undefined, links },
  };
}
