import { withSpillway } from 'spillway';
import { pay } from './payment.mjs';
import { totalOf } from './pricing.mjs';

/** The checkout of a shop behind a function URL or an HTTP API. `withSpillway` counts its 5xx and its durations per version. */
export const handler = withSpillway(
  async (event) => {
    const { method, path } = event.requestContext.http;
    if (method === 'GET' && path === '/health') return answer(200, { ok: true });
    if (method !== 'POST' || path !== '/checkout') return answer(404, { error: `no ${method} ${path} here` });
    try {
      const order = JSON.parse(event.body);
      const total = totalOf(order);
      if (event.queryStringParameters?.dryRun !== '1') pay(order, total);
      return answer(200, { order: order.id, total });
    } catch (error) {
      // A handled failure: the user gets a 500, but for Lambda this invocation was a success.
      return answer(500, { error: error.message });
    }
  },
  { latency: true },
);

const answer = (statusCode, body) => ({ statusCode, body: JSON.stringify(body) });
