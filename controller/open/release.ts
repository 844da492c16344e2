import { manifestKeyFrom, rolloutIdFrom } from '../../core/config/manifest.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Identity, Opening } from '../../core/rollout/event.ts';
import { liftedWith } from '../../core/rollout/quarantine.ts';
import { fold, isEnded } from '../../core/rollout/state.ts';
import type { Needs, Opens } from '../ports.ts';
import { arm } from './begin.ts';
import { decline, isRefusal, lift } from './decline.ts';
import { gather } from './gather.ts';
import { type Decided, decideOpening } from './open.ts';
import { type Parsed, parse } from './parse.ts';
import { queue } from './queue.ts';
import { type Asked, read } from './read.ts';
import { entered, type Opened, repeat } from './repeat.ts';
import { resolve } from './resolve.ts';

/** Which attempt of a release is opened, and the releases whose quarantine does not keep it out: it is lifted once the attempt is admitted. */
export interface Attempt {
  attempt: number;
  lifted: readonly string[];
}

/** The first attempt of a release: nothing was lifted for it. */
export const FIRST: Attempt = { attempt: 1, lifted: [] };

/** Opens one attempt of the release whose manifest stands at an object. */
export async function openRelease(
  manifest: Opening['manifest'],
  ports: Needs<Opens>,
  { attempt, lifted }: Attempt = FIRST,
): Promise<Opened> {
  const key = manifestKeyFrom(manifest.key);
  if (key === undefined)
    return {
      rolloutId: '',
      result: 'ignored',
      reason: `${manifest.key} is not releases/<service>/<release>/manifest.json`,
    };
  try {
    const identity: Identity = {
      ...key,
      rolloutId: rolloutIdFrom(key.service, key.release, attempt),
      environment: ports.environment,
      attempt,
      manifest,
    };
    const present = await ports.journal.read(identity.rolloutId);
    return present === undefined
      ? await admit({ identity, lifted }, ports)
      : await repeat(present, manifest, ports);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { rolloutId: '', result: 'refused', reason: error.message };
  }
}

/** Opens an attempt that nobody has learned of, or says of it that it was refused. */
async function admit(asked: Asked, ports: Needs<Opens>): Promise<Opened> {
  try {
    for (;;) {
      const opened = await enter(parse(await read(asked, ports), ports), ports);
      if (opened !== undefined) return opened;
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return decline(asked.identity, error.message, ports);
  }
}

/** Times that an opening is prepared: what it rests on changes only if a rollout of the service ends, or a quarantine is lifted. */
const OPENINGS_MAX = 3;

/** Undefined if the lock was freed at once, so that it is to be opened anew. */
async function enter(parsed: Parsed, ports: Needs<Opens>): Promise<Opened | undefined> {
  const { identity, lifted } = parsed;
  const { service, release, rolloutId } = identity;
  for (let tries = 1; tries <= OPENINGS_MAX; tries++) {
    let decided: Decided;
    try {
      decided = await decideOpening(await gather(await resolve(parsed, ports), ports), ports);
    } catch (error) {
      const by = isRefusal(error) ? await heldBy(error, ports) : undefined;
      if (by === undefined) throw error;
      // A duplicate that was slower than its twin meets that one's own token.
      const own = by === rolloutId ? await ports.journal.read(by) : undefined;
      return own === undefined ? queue(parsed, by, ports) : repeat(own, identity.manifest, ports);
    }
    const { events, decidedOn } = decided;
    const draft = fold(events);
    if (draft !== undefined && !isEnded(draft)) await arm(draft, ports);
    const opened = await ports.journal.open(events, decidedOn);
    if (opened.result === 'outdated') continue;
    if (opened.result === 'locked') return queue(parsed, opened.by, ports);
    // Before anything of it is published.
    await lift(service, liftedWith(opened.rollout, lifted), ports);
    await ports.journal.unwait(service, release);
    return entered(opened, identity, ports);
  }
  const why = `what ${service} remembers changed ${OPENINGS_MAX} times while ${rolloutId} was being opened`;
  throw new RolloutError('Unavailable', `${why}; it will be tried again.`);
}

/** The rollout that moves the target now, if that is why this one was refused: then it can wait for it. */
async function heldBy(error: RolloutError, { journal }: Needs<'journal'>): Promise<string | undefined> {
  const { heldBy = undefined } = (error.cause ?? {}) as { heldBy?: string };
  const holder = heldBy === undefined ? undefined : await journal.read(heldBy);
  return holder !== undefined && !isEnded(holder) ? heldBy : undefined;
}
