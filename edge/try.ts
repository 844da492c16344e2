import crypto from 'node:crypto';
import type { ViewerRequest } from './event.ts';
import type { Value } from './value.ts';

/** The cookie by which a tester gets a release, whatever the cohort says: `<release>~<seconds since 1970 when it ends>~<signature>`. */
const TRY_COOKIE = '__Host-spillway-try';

const TRY = /^([\w.-]{1,64})~(\d{1,11})~([\w-]{43})$/;

/** The release that a tester's cookie names; empty if there is none, or if it has ended or was not signed with the store's key. */
export function triedBy(value: Value, request: ViewerRequest): string {
  const key = value.k;
  const found = request.cookies[TRY_COOKIE];
  if (found === undefined || typeof key !== 'string' || key === '') return '';
  const parts = TRY.exec(found.value);
  if (parts === null) return '';
  const release = String(parts[1]);
  const signed = crypto.createHmac('sha256', key).update(`${release}~${parts[2]}`).digest('base64url');
  return signed === parts[3] && isNow(Number(parts[2]) * 1000) ? release : '';
}

/** A day: what leads a tester for longer was not made by a smoke test or a person at work. */
const LONGEST_MS = 86_400_000;

const isNow = (end: number): boolean => end > Date.now() && end < Date.now() + LONGEST_MS;
