const PRICES = { T1: 1200, T2: 4500, T3: 799 };
const SHIPPING = 490;
const COUPONS = { SPRING10: { percent: 10 }, FRIEND5: { percent: 5 } };

/** Total of an order in cents, less its coupon. The bug: last year's coupons are still in people's carts, and unknown here. */
export function totalOf({ sku, quantity, coupon }) {
  const goods = PRICES[sku] * quantity;
  const off = coupon === undefined ? 0 : (goods * COUPONS[coupon].percent) / 100;
  return Math.round(goods - off) + SHIPPING;
}
