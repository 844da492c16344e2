import { expect } from 'vitest';
import type { Manifest } from '../../../core/config/manifest.ts';
import { RolloutError } from '../../../core/errors.ts';
import type { ResolvedTarget } from '../../../core/ports.ts';
import { type Found, open } from '../../../core/rollout/open.ts';
import { rolloutFileFrom } from '../../formats.ts';
import { leastFile, thrownBy } from '../config/files.ts';
import { type Event, minute, opening, target } from './given.ts';

// What was looked up before an opening, as little of it as can be, and what comes of it.

const { rolloutId, service, environment, release, attempt, manifest: object } = opening();
export const identity = { rolloutId, service, environment, release, attempt, manifest: object };

export const manifest = (file: object = {}, more: Partial<Manifest> = {}): Manifest => ({
  schema: 1,
  service,
  environment,
  release,
  order: 8,
  targets: { api: { version: '8' } },
  rollout: rolloutFileFrom({ ...leastFile(), ...file }),
  reversible: true,
  ...more,
});

export const resolved = (more: Partial<ResolvedTarget> = {}): ResolvedTarget => ({
  target: target(),
  digest: 'code of 8',
  timeoutSeconds: 3,
  notices: [],
  ...more,
});

export const found = (more: Partial<Found> = {}): Found => ({
  identity,
  manifest: manifest(),
  service: {},
  targets: [resolved()],
  alarms: [],
  history: {},
  day: {},
  running: 0,
  ...more,
});

export const openedBy = (more: Partial<Found> = {}): Event<'RolloutOpened'> => {
  const [event] = open(found(more), minute(0));
  if (event?.type !== 'RolloutOpened') throw new Error(`It was not opened: ${JSON.stringify(event)}`);
  return event;
};

export const refusal = (more: Partial<Found>): string => {
  const error = thrownBy(() => open(found(more), minute(0)));
  expect(RolloutError.is(error, 'OpeningRefused')).toBe(true);
  return error.message;
};

export const BOTH = {
  api: { lambda: 'checkout-prod-api', alias: 'live' },
  worker: { lambda: 'checkout-prod-worker', alias: 'live', source: 'invoke' },
};
export const both = (api: Partial<ReturnType<typeof target>>, worker: Partial<ReturnType<typeof target>>) => [
  resolved({ target: target('api', api) }),
  resolved({ target: target('worker', { source: 'invoke', ...worker }) }),
];
