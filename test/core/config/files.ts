/** A rollout file with every field of the format, to be changed by tests. */
export function fullFile(): Record<string, unknown> {
  return {
    service: 'checkout-api',
    targets: {
      api: { lambda: 'checkout-prod-Api', alias: 'live', source: 'http' },
      worker: { lambda: 'checkout-prod-Worker', alias: 'live', source: 'invoke' },
      orders: {
        lambda: 'checkout-prod-Orders',
        alias: 'live',
        source: 'sqs',
        queue: 'orders.fifo',
        dlq: 'orders-dlq.fifo',
      },
      events: { lambda: 'checkout-prod-Events', alias: 'live', source: 'stream' },
    },
    steps: [
      { weight: 1, bake: '5m' },
      { weight: 10, bake: '10m', maxBake: '30m' },
      { weight: 50, bake: '2m', maxBake: '2d', until: { canary: '20 invocations' } },
    ],
    smoke: [
      { target: 'api', get: '/health', expect: { status: 200, under: '800ms', text: 'ok' } },
      {
        target: 'api',
        post: '/checkout?dryRun=1',
        json: { sku: 'T1' },
        probe: true,
        expect: { status: 200, '$.items[0].id': null },
      },
      { target: 'worker', delete: '/orders/1', expect: { status: 204 } },
    ],
    probe: { every: '10s' },
    hooks: {
      beforeTraffic: [{ lambda: 'checkout-check', target: 'api', timeout: '2h', onBroken: 'pause' }],
      onRevert: [
        {
          http: 'https://hooks.example.com/reverted?of=checkout',
          target: 'api',
          timeout: '5s',
          onBroken: 'ignore',
        },
      ],
    },
    gates: [
      {
        ...{ before: 50, approvers: 2, by: ['ada', 'grace'], notAuthor: true },
        ...{ reject: 'ends', timeout: '12h', onTimeout: 'revert' },
      },
      {
        ...{ before: 10, approvers: 1, from: ['leads'], notAuthor: false, reject: 'pauses', timeout: '1h' },
        onTimeout: 'promote',
      },
    ],
    watch: { errors: '1.5x', http5xx: '0.5%' },
    limits: { dlqNew: 0, oldestMessage: '15m', iteratorAge: '1h', batchFailures: 10 },
    alarms: ['orders-too-low'],
    verify: '10m',
    holdout: 10,
    recall: 'on',
    onInconclusive: 'revert',
  };
}

/** The least that a rollout file can be. */
export function leastFile(): Record<string, unknown> {
  return {
    service: 'checkout-api',
    targets: { api: { lambda: 'checkout-prod-Api', alias: 'live' } },
    steps: [{ weight: 10, bake: '5m' }],
  };
}

/** A copy of `value` in which the thing at `path` is `put`, or is gone where that is undefined. */
export function changed(value: unknown, path: (string | number)[], put: unknown): unknown {
  const copy = structuredClone(value);
  const holder = path
    .slice(0, -1)
    .reduce((at, key) => (at as Record<string, unknown>)[key] as object, copy as object);
  const last = path.at(-1) as string;
  if (put === undefined) delete (holder as Record<string, unknown>)[last];
  else
    Object.defineProperty(holder, last, { value: put, enumerable: true, configurable: true, writable: true });
  return copy;
}

/** What an action throws. @throws Error if it throws nothing */
export function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('Nothing was thrown.');
}
