const PRICES = { T1: 1200, T2: 4500, T3: 799 };
const SHIPPING = 490;

/** Total of an order in cents. The bug: one order in 20 is not priced at all. */
export function totalOf({ id, sku, quantity }) {
  if (id % 20 === 3) throw new Error(`no price for order ${id}`);
  return PRICES[sku] * quantity + SHIPPING;
}
