import type { WorldClock } from '../../../local/clock.ts';
import type { Random } from '../../../local/random.ts';
import { awsError, type Operations } from '../../../local/sdk.ts';
import { type ModelTraffic, modelTraffic, type Rate, type Routing } from '../../../local/traffic.ts';
import type { Counted } from '../../../local/witness.ts';

/** How much later than its minute a count can be read. */
const COUNTED_AFTER_MS = 90_000;

/** What one version did in one minute. */
interface Count {
  start: number;
  version: string;
  bad: number;
  total: number;
}

/** A ledger: who gets which share of its bookings, a note beside it, and a revision that each write replaces. */
export interface Book extends Routing {
  note: string;
  revision: string;
}

/** A service with one ledger, whose bookings are counted by the version that made them; it has no region, no alias and no function. */
export class Ledger {
  readonly #clock: WorldClock;
  readonly #versions = new Set(['1', '2']);
  readonly #counts: Count[] = [];
  readonly traffic: ModelTraffic;
  #writes = 1;
  book: Book = { primary: '1', weights: {}, note: '', revision: 'r1' };
  /** Stands round each change and each count, for whoever watches. */
  onWrite: (before: Book, after: Book, isConditional: boolean) => void = () => {};
  onRead: () => () => void = () => () => {};
  onCount: (counted: Counted) => void = () => {};

  constructor(world: { clock: WorldClock; random: Random; bookingsPerSecond: number; errorRate: Rate }) {
    this.#clock = world.clock;
    this.traffic = modelTraffic({
      ...{ clock: world.clock, random: world.random, functionName: 'books', alias: '' },
      cloudwatch: { invocations: (counted) => this.#count(counted) },
      requestsPerSecond: world.bookingsPerSecond,
      routing: () => this.book,
      errorRate: world.errorRate,
      counters: false,
    });
  }

  #count(counted: Counted): void {
    const { minute, version, count: total, errors: bad } = counted;
    this.#counts.push({ start: minute - (minute % 60_000), version, bad, total });
    this.onCount(counted);
  }

  readonly operations = {
    GetBookCommand: () => {
      const answered = this.onRead();
      const answer = { ...this.book };
      answered();
      return answer;
    },
    PutBookCommand: ({ primary, weights, note, revision }: Partial<Book>) => {
      if (revision !== undefined && revision !== this.book.revision)
        throw awsError('StaleBookException', `the book is at ${this.book.revision}, not ${revision}`, 409);
      const before = this.book;
      const after = { ...before, primary: primary ?? before.primary, weights: weights ?? before.weights };
      for (const version of [after.primary, ...Object.keys(after.weights)])
        if (!this.#versions.has(version))
          throw awsError('NoSuchVersionException', `no version ${version}`, 404);
      this.traffic.settle();
      this.#writes += 1;
      this.book = { ...after, note: note ?? before.note, revision: `r${this.#writes}` };
      this.onWrite(before, this.book, revision !== undefined);
      return { ...this.book };
    },
    HasVersionCommand: ({ version }: { version: string }) => ({ has: this.#versions.has(version) }),
    GetCountsCommand: ({ from, to }: { from: number; to: number }) => {
      this.traffic.settle();
      const until = Math.min(to, this.#clock.now() - COUNTED_AFTER_MS);
      return { counts: this.#counts.filter(({ start }) => start >= from && start + 60_000 <= until) };
    },
    /** What Step Functions asks for by itself: the canary goes, unless another rollout has the book. */
    RevertBookCommand: ({ rolloutId, stable, canary, note }: Record<string, string>) => {
      const { book } = this;
      const isOurs = book.note.includes(`spillway ${rolloutId} `);
      if (book.note.startsWith('spillway ') && !isOurs) return {};
      const isClosed = isOurs && book.note.endsWith(' closed');
      if (isClosed && book.weights[canary ?? ''] === undefined) return {};
      const weights = Object.fromEntries(
        Object.entries(book.weights).filter(([version]) => version !== canary),
      );
      const primary = book.primary === canary ? stable : book.primary;
      return this.operations.PutBookCommand({ ...(primary && { primary }), weights, ...(note && { note }) });
    },
  };

  /** As the embedded world takes them. */
  get service(): Operations {
    return this.operations as unknown as Operations;
  }
}
