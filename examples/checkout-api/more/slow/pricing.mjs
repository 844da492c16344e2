const PRICES = { T1: 1200, T2: 4500, T3: 799 };
const SHIPPING = 490;
const PAUSE_MS = 40;

/** Total of an order in cents. The bug: it waits for each. */
export function totalOf({ sku, quantity }) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  return PRICES[sku] * quantity + SHIPPING;
}
