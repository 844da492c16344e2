import { nameOf } from '../../../adapters/_aws.ts';
import { fencedRouter, held, type RoutingStore } from '../../../adapters/fenced-router.ts';
import { pairedWindows } from '../../../core/analysis/pairing.ts';
import { RolloutError } from '../../../core/errors.ts';
import type { Clock, TargetMetrics, TrafficRouter } from '../../../core/ports.ts';
import { tokenFrom, tokenText } from '../../../core/rollout/fencing-token.ts';
import type { Book, Ledger } from './ledger.ts';

/** Asks the ledger's service, with whatever the world does to calls. */
export type Ask = <Name extends keyof Ledger['operations']>(
  name: Name,
  input: Parameters<Ledger['operations'][Name]>[0],
) => Promise<ReturnType<Ledger['operations'][Name]>>;

export const KEY = 'aws:111122223333:eu-west-1:ledger/books';

const seenFrom = ({ primary, weights, note, revision }: Book) => ({
  ...{ primary, weights, revision, token: tokenFrom(note) },
});

const store = (ask: Ask): RoutingStore => ({
  read: async () => seenFrom(await ask('GetBookCommand', undefined as never)),
  write: async (_, { primary, weights, token }, { revision }) => {
    const sent = {
      primary,
      weights,
      note: tokenText(token),
      ...(revision === undefined ? {} : { revision }),
    };
    return seenFrom(await ask('PutBookCommand', sent));
  },
  refusalOf: (error) => {
    if (nameOf(error) === 'StaleBookException') return 'outdated';
    return nameOf(error) === 'NoSuchVersionException' ? 'gone' : undefined;
  },
  assertOwned: async () => {},
});

/** Moves the bookings of a ledger between two versions. */
export const ledgerRouter = (ask: Ask, clock: Clock): TrafficRouter => ({
  calls: { opening: () => 0, raise: 0, promotion: 0, close: 0 },
  ...fencedRouter(store(ask), clock),
  async resolve({ name, spec, artifact }) {
    const book = seenFrom(await ask('GetBookCommand', undefined as never));
    if (book.token?.open) throw held(`targets.${name}`, book.token);
    const canary = 'version' in artifact ? artifact.version : '';
    const { has } = await ask('HasVersionCommand', { version: canary });
    if (!has) throw new RolloutError('TargetInvalid', `targets.${name}: there is no version ${canary}.`);
    const { ledger = '' } = spec;
    const traits = { burst: 1, isSticky: false, counts: [], limits: {}, noun: `ledger ${ledger}` };
    return {
      target: {
        ...{ name, kind: 'ledger', key: KEY, ref: { ledger }, stable: book.primary, canary },
        ...{ source: 'invoke', traits, revision: book.revision },
      },
      digest: `ledger ${canary}`,
      config: '',
      timeoutSeconds: 1,
      notices: [],
    };
  },
  has: async (_, version) => ((await ask('HasVersionCommand', { version })).has ? 'usable' : 'gone'),
  pin: async () => ({ result: 'pinned' }),
  unpin: async () => {},
});

/** What the ledger itself counts. */
export const ledgerMetrics = (ask: Ask): TargetMetrics => {
  const read = async (
    rules: { metric: string }[],
    from: number,
    to: number,
    sides: (string | undefined)[],
  ) => {
    const { counts } = await ask('GetCountsCommand', { from, to });
    const [canary, stable] = sides.map((version) => {
      const [bad, total] = [new Map<number, number>(), new Map<number, number>()];
      for (const count of counts) {
        if (version !== undefined && count.version !== version) continue;
        bad.set(count.start, (bad.get(count.start) ?? 0) + count.bad);
        total.set(count.start, (total.get(count.start) ?? 0) + count.total);
      }
      return { bad, total };
    });
    const none = { bad: new Map(), total: new Map() };
    const errors = pairedWindows('errors', { canary: canary ?? none, stable: stable ?? none });
    const lost = errors.map((window) =>
      'unknown' in window
        ? window
        : {
            ...window,
            ...(window.canary && { canary: { ...window.canary, bad: 0 } }),
            ...(window.stable && { stable: { ...window.stable, bad: 0 } }),
          },
    );
    const series = { errors, throttles: lost, traffic: lost };
    return Object.fromEntries(
      Object.entries(series).filter(([name]) => rules.some(({ metric }) => metric === name)),
    );
  };
  return {
    read: ({ canary, stable }, rules, from, to) => read(rules, from, to, [canary, stable]),
    past: (_, rules, from, to) => read(rules, from, to, ['none', undefined]),
  };
};
