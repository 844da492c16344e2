import { Hono } from 'hono';
import * as z from 'zod/mini';
import { checked, queryFrom } from '../api/body.ts';
import type { Reads } from '../api/cache.ts';
import { EventsQuery } from '../api/schemas.ts';
import type { World } from '../local/world.ts';

/** After which event a stream begins. */
const StreamQuery = z.pick(EventsQuery, { after: true });

/** Real time after which a silent stream shows that it lives. */
const HEARTBEAT_MS = 15_000;

/**
 * `GET /rollouts/ID/stream?after=N`: the events of a rollout as they happen, as server-sent events, to the end of the rollout.
 * Only here: on AWS each open stream would hold an execution of a function.
 */
export function streams(world: World, reads: Reads): Hono {
  const waiting = new Set<() => void>();
  world.follow(() => {
    for (const wake of [...waiting]) wake();
  });
  const news = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(wake, HEARTBEAT_MS);
      function wake() {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      }
      waiting.add(wake);
    });

  return new Hono().get('/rollouts/:rolloutId/stream', async ({ req, notFound }) => {
    const rolloutId = req.param('rolloutId');
    // What a browser has seen when it connects again counts more than where its page began.
    const last = req.header('last-event-id');
    const said = { ...req.queries(), ...(last === undefined ? {} : { after: [last] }) };
    const query = checked(queryFrom(said), StreamQuery, '/query') as z.output<typeof StreamQuery>;
    let { after: seen = 0 } = query;
    if ((await reads.events(rolloutId, seen)).version === undefined) return notFound();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const next = news();
        const { events, version = 0, ended } = await reads.events(rolloutId, seen);
        for (const event of events) {
          seen += 1;
          const lines = [`id: ${seen}`, `event: ${event.type}`, `data: ${JSON.stringify(event)}`];
          controller.enqueue(encoder.encode(`${lines.join('\n')}\n\n`));
        }
        if (ended !== undefined && seen >= version) return controller.close();
        if (events.length > 0) return;
        await next;
        controller.enqueue(encoder.encode(': still here\n\n'));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
}
