import { number } from '../core/words.ts';
import { UsageError } from './call.ts';

/** What a service gets now. */
interface Traffic {
  requestsPerSecond: number;
  /** Share of its requests that fail, 0 to 1. */
  errorRate: number;
}

/** The traffic that a call names. @throws UsageError */
export function trafficFrom(options: { 'requests-per-second': string; 'error-rate': string }): Traffic {
  const { 'requests-per-second': text, 'error-rate': rate } = options;
  const requestsPerSecond = Number(text);
  if (!(requestsPerSecond > 0 && requestsPerSecond <= 1e6))
    throw new UsageError(`--requests-per-second takes a number above 0 and at most a million, not "${text}"`);
  return { requestsPerSecond, errorRate: shareFrom(rate) };
}

/** A share written as a percentage. Without its sign 0.1 may be meant as 10 % as well, and no answer would show it. @throws UsageError */
function shareFrom(text: string): number {
  const [, digits, sign] = /^(\d+(?:\.\d+)?) ?(%?)$/.exec(text) ?? [];
  const said = Number(digits);
  if (digits === undefined || (sign === '%' && said >= 100))
    throw new UsageError(`--error-rate takes a percentage below 100, such as 0.1%, not "${text}"`);
  if (sign === '')
    throw new UsageError(
      `--error-rate ${text} has no % sign; write ${text}% if ${oneIn(said / 100)} fails${said < 1 ? `, or ${Number((said * 100).toPrecision(6))}% if ${oneIn(said)} does` : ''}`,
    );
  return said / 100;
}

const oneIn = (share: number) =>
  share === 0 ? 'no request' : `one request in ${number(Math.round(1 / share))}`;
