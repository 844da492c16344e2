import { useEffect, useReducer, useRef } from 'preact/hooks';
import { Refused, read, whyOf } from './ask.ts';

/** Time between two readings while something moves, and otherwise; and the longest time after failures. */
const [BUSY_MS, IDLE_MS, SLOW_MS] = [2_000, 15_000, 30_000];

/** Readings that may fail in a row before what is shown counts as old. */
const MISSES = 2;

/** How far a clock may be off before it is said. */
const CLOCK_MS = 30_000;

/** What is shown, and how fresh it is. */
export interface Live<Body> {
  body?: Body | undefined;
  /** What time it is for the controller. */
  now?: number | undefined;
  /** When it was read last, by this machine's clock. */
  readAt?: number | undefined;
  /** Since when nothing has answered; absent while there is contact. */
  lostSince?: number | undefined;
  /** Why the API shows nothing. */
  refused?: Refused | undefined;
  /** How far this machine's clock is off, if that is worth a word. */
  clockOff?: number | undefined;
  /** Reads at once. */
  again(): void;
}

/** Reads an address again and again, while the page is looked at; `isBusy` says whether what was read moves. */
export function useLive<Body>(path: string, isBusy: (body: Body) => boolean): Live<Body> {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const state = useRef<Live<Body> & { tag?: string | undefined; misses: number }>({
    misses: 0,
    again: () => {},
  });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    let isReading = false;
    const own = state.current;
    Object.assign(own, { body: undefined, tag: undefined, refused: undefined, misses: 0 });

    const tick = async (): Promise<void> => {
      if (isReading || isOver) return;
      isReading = true;
      clearTimeout(timer);
      try {
        const { body, tag, now, ahead = 0 } = await read<Body>(path, own.tag);
        if (isOver) return;
        if (body !== undefined) own.body = body;
        Object.assign(own, { tag, now: now ?? own.now, misses: 0, readAt: Date.now() });
        Object.assign(own, { lostSince: undefined, refused: undefined });
        own.clockOff = Math.abs(ahead) > CLOCK_MS ? ahead : undefined;
      } catch (error) {
        if (isOver) return;
        own.misses += 1;
        // Who is refused has contact: what was shown before is not to be seen any more.
        const isRefused = error instanceof Refused && error.status < 500 && error.status !== 429;
        if (isRefused) Object.assign(own, { refused: error, body: undefined, tag: undefined });
        else if (own.misses >= MISSES || own.body === undefined) {
          own.lostSince ??= own.readAt ?? Date.now();
          if (own.body === undefined) own.refused = new Refused(0, whyOf(error));
        }
      } finally {
        isReading = false;
      }
      redraw(0);
      const calm = own.body !== undefined && !isBusy(own.body) ? IDLE_MS : BUSY_MS;
      const wait = own.misses === 0 ? calm : Math.min(SLOW_MS, BUSY_MS * 1.5 ** own.misses);
      if (!document.hidden) timer = setTimeout(tick, wait * (0.9 + 0.2 * Math.random()));
    };
    own.again = () => void tick();
    const seen = () => {
      if (!document.hidden) void tick();
    };
    document.addEventListener('visibilitychange', seen);
    window.addEventListener('online', seen);
    void tick();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
      window.removeEventListener('online', seen);
    };
  }, [path]);
  return state.current;
}
