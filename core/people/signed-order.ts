import type { Clock, Tokens } from '../ports.ts';
import type { Order } from '../rollout/order.ts';

/** How long a signed order is taken: long enough for a call that Lambda repeats after a minute, and again after two. */
const ORDER_MS = 5 * 60_000;

/** What the function that takes orders is called with by those who have proven who gives one. */
export const signedOrder = (
  order: Order,
  { tokens, clock }: { tokens: Tokens; clock: Clock },
): { signed: string } => ({ signed: tokens.sign('order', { order }, clock.now() + ORDER_MS) });
