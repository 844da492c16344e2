const PRICES = { T1: 1200, T2: 4500, T3: 799 };
const SHIPPING = 490;

/** Total of an order in cents. */
export function totalOf({ sku, quantity }) {
  return PRICES[sku] * quantity + SHIPPING;
}
