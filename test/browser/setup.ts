import { CHROMIUM, WITHOUT } from './chromium.ts';

/** Says at once what the tests need, instead of failing in each. */
export default function setup(): void {
  if (CHROMIUM === undefined) throw new Error(WITHOUT);
}
