import { type FencingToken, tokenFrom, tokenText } from '../../core/rollout/fencing-token.ts';
import type { Percent } from '../../core/units.ts';

// Behind a site an alias has no weights of its own: those by which the site leads its callers stand after the token in its Description,
// which the token leaves 40 of 256 characters.

const LED = / led (\d{1,16}) (\d{1,3}(?:\.\d{1,10})?)$/;

/** The Description of an alias: its token, and the weights if it has none of its own. */
export const descriptionOf = (
  token: FencingToken,
  led: Readonly<Record<string, Percent>> | undefined,
): string =>
  tokenText(token) +
  Object.entries(led ?? {})
    .map(([version, weight]) => ` led ${version} ${weight}`)
    .join('');

/** What such a Description says. */
export function describedBy(text = ''): {
  token: FencingToken | undefined;
  led: Record<string, Percent>;
} {
  const [led = '', version = '', weight] = LED.exec(text) ?? [];
  return {
    token: tokenFrom(text.slice(0, text.length - led.length)),
    led: led === '' ? {} : { [version]: Number(weight) },
  };
}
