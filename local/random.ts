/** A stream of chance: the same seed gives the same draws in the same order, on every machine. */
export interface Random {
  /** The next draw, evenly in [0, 1), with 53 bits. */
  next(): number;
  /** A whole number, evenly in [0, n). */
  int(n: number): number;
  /** How many of events that come at random, `mean` on average; above a mean of 100 a normal approximation with its skew. */
  poisson(mean: number): number;
  /** How many of `n` tries succeed at probability `p`; above a variance of 100 a normal approximation with its skew. */
  binomial(n: number, p: number): number;
  /** Another stream, which depends on the seed and on the names only: draws made here do not move it. */
  fork(name: string): Random;
}

/** Chance by sfc32 (Chris Doty-Humphrey, PractRand), seeded by a hash of the seed. */
export function seededRandom(seed: number): Random {
  return stream(String(seed));
}

/** A number evenly in [0, 1) for each place and each count of passages there; no draw moves another. */
export function placedDice(key: string): (place: string, nth: number) => number {
  const places = new Map<string, number>();
  return (place, nth) => {
    let base = places.get(place);
    if (base === undefined) {
      base = hash(`${key}/${place}`, 4);
      places.set(place, base);
    }
    let h = Math.imul(base ^ Math.imul(nth, 0x9e3779b1), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Largest variance that is drawn by inversion; the walk takes about as many steps as the mean. */
const INVERSION_VARIANCE_MAX = 100;

function stream(key: string): Random {
  const next = sfc32(key);
  return {
    next,
    int: (n) => Math.floor(next() * n),
    poisson: (mean) => poisson(next, mean),
    binomial: (n, p) => binomial(next, n, p),
    fork: (name) => stream(`${key}/${name}`),
  };
}

function sfc32(key: string): () => number {
  let a = hash(key, 1);
  let b = hash(key, 2);
  let c = hash(key, 3);
  let counter = 1;
  const bits = () => {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out;
  };
  // The first rounds still show how alike two seeds were.
  for (let round = 0; round < 15; round++) bits();
  return () => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53;
}

/** FNV-1a over the text, then mixed so that every bit of it reaches every bit of the answer. */
function hash(text: string, salt: number): number {
  let h = 0x811c9dc5 ^ Math.imul(salt, 0x9e3779b1);
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function poisson(next: () => number, mean: number): number {
  if (!(mean > 0)) return 0;
  if (mean > INVERSION_VARIANCE_MAX) return Math.max(0, skewed(next, mean, mean, 1));
  let left = next();
  let term = Math.exp(-mean);
  let count = 0;
  while (left >= term && term > 0) {
    left -= term;
    count += 1;
    term *= mean / count;
  }
  return count;
}

function binomial(next: () => number, n: number, p: number): number {
  if (!(n > 0 && p > 0)) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(next, n, 1 - p);
  const variance = n * p * (1 - p);
  if (variance > INVERSION_VARIANCE_MAX)
    return Math.min(n, Math.max(0, skewed(next, n * p, variance, 1 - 2 * p)));
  let left = next();
  let term = Math.exp(n * Math.log1p(-p));
  let count = 0;
  while (left >= term && count < n) {
    left -= term;
    count += 1;
    term *= ((n - count + 1) / count) * (p / (1 - p));
  }
  return count;
}

/** A rounded normal draw, bent by the third moment (Cornish-Fisher), since tests that look often live in the tails. */
function skewed(next: () => number, mean: number, variance: number, skewTimesDeviation: number): number {
  const z = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Math.round(mean + Math.sqrt(variance) * z + (skewTimesDeviation * (z * z - 1)) / 6);
}
