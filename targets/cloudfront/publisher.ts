import type { Publisher } from '../../core/ports.ts';

/** A release of a site is there once it is uploaded. */
export const sitePublisher: Publisher = {
  publish: async ({ canary }) => ({ version: canary }),
  restore: async () => {},
};
