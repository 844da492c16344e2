/** Stands in for a payment provider that, like all of them, times out now and then: for one order in 1,500. */
export function pay(order, total) {
  if (order.id % 1500 === 7) throw new Error(`payment of ${total} cents timed out`);
}
