/** When a difference may set in: share `head` (0 to 1) of the stake bets from the first window on, the rest in equal parts from each later one up to window `T`. */
export interface Starts {
  T: number;
  head: number;
}

/** The logarithm of a + b, given ln a and ln b; either may be -Infinity. */
export function logAddExp(logA: number, logB: number): number {
  const larger = Math.max(logA, logB);
  return larger === -Infinity ? -Infinity : larger + Math.log1p(Math.exp(Math.min(logA, logB) - larger));
}

/** The logarithm of the mean of numbers given by their logarithms. */
export function logMeanExp(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  if (largest === -Infinity) return -Infinity;
  const sum = logs.reduce((total, log) => total + Math.exp(log - largest), 0);
  return largest + Math.log(sum / logs.length);
}

/**
 * What the bets of a mixture hold after so many windows: all that the windows after them need of those before. A bet that
 * holds nothing is null, because JSON has no infinity.
 */
export interface Capital {
  windows: number;
  /** Logarithms, one for each bet. */
  bets: (number | null)[];
}

/** What the bets on a worse canary hold: all that the evidence of later windows needs of earlier ones. */
export interface RatioCapital {
  compared: Capital;
  /** Of the careful bets; present if clients stick to a version. */
  careful?: Capital | undefined;
}

/** What the bets on a slower canary hold: on all requests, which is none if there are no cells, and on each edge of the tail, one after the other. */
export interface SlownessCapital {
  shift?: Capital | undefined;
  tails: Capital;
}

/** What bets hold after these windows, which follow those of `before`; `logFactor` is what one window does to one bet. */
export function capitalAfter<Window, Bet>(
  windows: readonly Window[],
  bets: readonly Bet[],
  { T, head }: Starts,
  logFactor: (window: Window, bet: Bet) => number,
  before?: Capital,
): Capital {
  const logHead = Math.log(head);
  const logLater = Math.log((1 - head) / (T - 1));
  const logShare = (index: number) => (index === 0 ? logHead : index < T ? logLater : -Infinity);
  const first = before?.windows ?? 0;
  const logs = bets.map((bet, nth) =>
    windows.reduce(
      (capital, window, index) => logAddExp(capital, logShare(first + index)) + logFactor(window, bet),
      before?.bets[nth] ?? -Infinity,
    ),
  );
  return {
    windows: first + windows.length,
    bets: logs.map((log) => (log === -Infinity ? null : log)),
  };
}

/**
 * The log capital of a stake that is split evenly over bets and, within each bet, over starting windows, with what has not
 * started yet: an e-value whenever each factor is one given the past. Source: Shiryaev-Roberts sums with a fixed prior over
 * the start, so Ville 1939 still bounds the whole path.
 */
export function worthOf({ windows, bets }: Capital, starts: Starts): number {
  return logAddExp(logMeanExp(bets.map((log) => log ?? -Infinity)), Math.log(notStarted(windows, starts)));
}

/** Counted from what is left, because 1 minus the shares used so far would leave rounding errors where nothing is left. */
function notStarted(windows: number, { T, head }: Starts): number {
  if (windows === 0) return 1;
  return T > 1 ? ((1 - head) * (T - Math.min(windows, T))) / (T - 1) : 1 - head;
}
