const PRICES = { T1: 1200, T2: 4500, T3: 799 };
const SHIPPING = 490;

/** Total of an order in cents; shipping is free from 90.00 on. */
export function totalOf({ sku, quantity }) {
  const goods = PRICES[sku] * quantity;
  return goods >= 9000 ? goods : goods + SHIPPING;
}
