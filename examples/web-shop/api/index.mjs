import { withSpillway } from 'spillway';
import { release } from './release.mjs';

/** The shop's API behind a function URL: it says of each answer which release gave it. */
export const handler = withSpillway(async (event) => {
  const { method, path } = event.requestContext.http;
  if (method === 'GET' && path === '/api/stock') return answer(200, { stock: 7 });
  return answer(404, { error: `no ${method} ${path} here` });
});

const answer = (statusCode, body) => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-release': release },
  body: JSON.stringify(body),
});
