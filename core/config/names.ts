import * as z from 'zod/mini';
import { type Says, textLike } from './check.ts';

// What services, releases and rollouts can be called, apart from the files that name them: the functions of the API need no more.

const serviceSays: Says = () =>
  'write 1 to 40 small letters and digits, with single hyphens between them, like `checkout-api`.';

/** What a service can be called; no two hyphens follow each other. */
export const SERVICE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
/** Longest name of a service. */
export const SERVICE_NAME_MAX = 40;

/** Name of a service. */
export const serviceField = textLike(SERVICE_NAME, serviceSays).check(
  z.maxLength(SERVICE_NAME_MAX, { error: serviceSays }),
  z.describe('What goes out together; releases are uploaded under this name.'),
);

const releaseSays: Says = () =>
  'write 1 to 56 letters and digits, with single dots, underscores or hyphens between them, like `2026-01-05.3`.';

/** What a release can be called; no two hyphens follow each other. */
export const RELEASE_NAME = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/** Name of a release. */
export const releaseField = textLike(RELEASE_NAME, releaseSays).check(
  z.maxLength(56, { error: releaseSays }),
);

/** Longest rollout id: it goes into execution names, which Step Functions limits to 80 characters. */
export const ROLLOUT_ID_MAX = 60;
