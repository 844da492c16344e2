import { own } from '../config/plain.ts';

/** What the store of a site says for people: which of its releases must stay, and by what testers are led. */
export interface SiteStanding {
  /** The releases that serve or may in a moment: stable, the one under way, and the one that a revert needs. */
  releases: string[];
  /** The key that signs a tester's cookie; absent if the owner set none. */
  key?: string | undefined;
}

/** The standing that the keys `spillway` and `spillway-pin` have together; undefined if the first names no release. */
export function standingFrom(value: string, pin = ''): SiteStanding | undefined {
  let read: unknown;
  try {
    read = JSON.parse(value);
  } catch {
    return undefined;
  }
  const [s, c, k] = ['s', 'c', 'k'].map((field) => own(read, field));
  if (typeof s !== 'string' || s === '') return undefined;
  const [pinned] = pin.split(' ');
  const releases = [s, c, pinned].filter((each) => typeof each === 'string' && each !== '');
  return {
    releases: [...new Set(releases as string[])],
    ...(typeof k === 'string' && k !== '' ? { key: k } : {}),
  };
}
