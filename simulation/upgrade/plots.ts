import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { zipSync } from 'fflate';
import type { CommandRequest } from '../../core/rollout/command-request.ts';
import { ALIAS } from '../../local/account.ts';
import type { Model } from '../../local/services/lambda.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { FUNCTION, type Scenario, type ScenarioOptions, SERVICE } from '../scenario.ts';

/** A rollout that is recorded when a version is released, and gone on with by every later version. */
export interface UpgradePlot {
  options?: Partial<ScenarioOptions>;
  /** What is there before the release: other functions, alarms. */
  before?: (scenario: Scenario) => unknown;
  release?: Parameters<Scenario['release']>[0];
  /** What people and the world do, so many minutes after the upload. */
  acts?: { minute: number; does: (scenario: Scenario) => unknown }[];
}

const ID = `${SERVICE}--r1--1`;
const WORKER = 'checkout-prod-worker';
const HOOK = 'checkout-hook';
const BAD = { 2: { errors: 0.2 } };

const BY = { id: 'arn:aws:iam::111122223333:user/ada', name: 'ada', via: 'iam', isVerified: true };

const order =
  (command: string, more: object = {}) =>
  (scenario: Scenario) =>
    scenario.command({ command, rolloutId: ID, by: BY, ...more } as CommandRequest);

/** The same bytes whenever and wherever it is packed: a zip holds local time. */
const zipOf = (text: string) =>
  zipSync({ 'index.mjs': new TextEncoder().encode(text) }, { mtime: new Date(2026, 0, 1) });

/** Models by what they answer; the same code twice would be no new version. */
const answering =
  (statusCode: number): Model =>
  () => ({ statusCode, body: 'answered' });

const runningCode = (statusCode: number): UpgradePlot => ({
  options: { code: answering(200), rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] } },
  before: ({ lambda }) => lambda.helpers.publish(FUNCTION, answering(statusCode)),
  release: { manifest: { targets: { api: { version: '2' } } } },
});

function asked({ lambda: { helpers } }: Scenario): void {
  helpers.createFunction({ name: HOOK, tags: { 'spillway:service': SERVICE }, timeout: 900 });
  helpers.deployModel(HOOK, (event) =>
    (event as { hook: string }).hook.startsWith('beforePromotion')
      ? { status: 'pending' }
      : { status: 'pass', reason: 'all is well' },
  );
}

function worker({ lambda: { helpers }, addTraffic }: Scenario): void {
  helpers.createFunction({ name: WORKER, tags: { 'spillway:service': SERVICE } });
  helpers.createAlias(WORKER, ALIAS, helpers.publishCounted(WORKER));
  helpers.publishCounted(WORKER);
  addTraffic({ functionName: WORKER, requestsPerSecond: 50, errorRate: () => 0.001 });
}

/** Someone else leaves the canary less than it had. */
function lowered({ lambda, traffic }: Scenario): unknown {
  traffic.settle();
  const { primary, weights } = lambda.helpers.routing(FUNCTION, ALIAS);
  const halves = Object.entries(weights).map(([version, weight]) => [version, weight / 200]);
  return lambda.operations.UpdateAliasCommand({
    FunctionName: FUNCTION,
    Name: ALIAS,
    FunctionVersion: primary,
    RoutingConfig: { AdditionalVersionWeights: Object.fromEntries(halves) },
  });
}

/** Someone else's deployment. */
function moved({ lambda, traffic }: Scenario): unknown {
  traffic.settle();
  return lambda.operations.UpdateAliasCommand({
    FunctionName: FUNCTION,
    Name: ALIAS,
    FunctionVersion: lambda.helpers.publishCounted(FUNCTION),
    RoutingConfig: { AdditionalVersionWeights: {} },
  });
}

const alarm = (name: string) =>
  new PutMetricAlarmCommand({
    AlarmName: name,
    Namespace: 'Shop',
    MetricName: name,
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'LessThanThreshold',
    TreatMissingData: 'notBreaching',
  });

/**
 * The rollouts, by the name of their file. None of them is ever changed: histories of released versions were made with them.
 * Together they write each kind of event; a new kind takes a new rollout. What is done comes late enough for a rollout that
 * was taken over on the way.
 */
export const UPGRADE_PLOTS: Record<string, UpgradePlot> = {
  completed: {},
  reverted: { options: { canaries: BAD } },
  'reverted-by-faults-among-two-targets': {
    options: { canaries: { 2: { faults: 0.2 } }, controlPlane: { perSecond: 15, budget: 0.05 } },
    before: worker,
    release: {
      manifest: { targets: { worker: { version: '2' }, api: { version: '2' } } },
      rollout: {
        targets: {
          worker: { lambda: WORKER, alias: ALIAS },
          api: { lambda: FUNCTION, alias: ALIAS },
        },
      },
    },
  },
  refused: runningCode(500),
  halted: {
    options: { rollout: { steps: [{ weight: 10, bake: '20m' }] } },
    acts: [{ minute: 18, does: moved }],
  },
  gate: {
    options: {
      rollout: { gates: [{ before: 50, approvers: 1, timeout: '3h', onTimeout: 'revert' }] },
    },
    acts: [{ minute: 25, does: order('approve', { gate: 50 }) }],
  },
  rejected: {
    options: {
      access: {
        groups: { leads: ['ada', BY.id] },
        people: { ada: [BY.id] },
        believedSessions: [],
        notify: {},
      },
      rollout: {
        gates: [
          ...[{ before: 50, approvers: 2, from: ['leads'], notAuthor: true, reject: 'ends', timeout: '3h' }],
        ],
      },
    },
    release: { manifest: { author: 'Joan <joan@shop.example>' } },
    acts: [
      { minute: 25, does: order('approve', { gate: 50, groups: ['leads'], by: { ...BY, person: 'ada' } }) },
      { minute: 35, does: order('reject', { gate: 50, groups: ['leads'], reason: 'the search is slow' }) },
    ],
  },
  paused: {
    options: { rollout: { steps: [{ weight: 10, bake: '15m' }] } },
    acts: [
      { minute: 10, does: order('pause', { reason: 'it looks odd' }) },
      { minute: 25, does: order('resume') },
    ],
  },
  promoted: {
    options: { rollout: { steps: [{ weight: 10, bake: '30m' }] } },
    acts: [{ minute: 18, does: order('promote', { full: true }) }],
  },
  aborted: {
    options: { rollout: { steps: [{ weight: 10, bake: '30m' }] } },
    acts: [{ minute: 18, does: order('abort', { reason: 'enough' }) }],
  },
  alarm: {
    options: { rollout: { steps: [{ weight: 10, bake: '30m' }], alarms: ['orders', 'stock'] } },
    async before({ clients }) {
      for (const name of ['orders', 'stock']) await clients.cloudwatch.send(alarm(name));
      await clients.cloudwatch.send(
        new SetAlarmStateCommand({ AlarmName: 'stock', StateValue: 'ALARM', StateReason: 'low' }),
      );
    },
    acts: [
      {
        minute: 18,
        does: ({ clients }) =>
          clients.cloudwatch.send(
            new SetAlarmStateCommand({ AlarmName: 'orders', StateValue: 'ALARM', StateReason: 'none' }),
          ),
      },
    ],
  },
  irreversible: {
    options: { canaries: BAD },
    release: { manifest: { reversible: false } },
    acts: [{ minute: 25, does: order('abort', { reason: 'back all the same' }) }],
  },
  lowered: {
    options: {},
    release: { manifest: { reversible: false } },
    acts: [
      { minute: 10, does: lowered },
      { minute: 15, does: order('resume') },
    ],
  },
  'hooks-and-holdout': {
    options: {
      rollout: {
        hooks: { beforeTraffic: [{ lambda: HOOK }], beforePromotion: [{ lambda: HOOK, timeout: '3h' }] },
        holdout: 5,
      },
    },
    before: asked,
    acts: [
      {
        minute: 45,
        does: order('answer', { hook: 'beforePromotion.1', status: 'pass', reason: 'called back' }),
      },
    ],
  },
  probes: {
    ...runningCode(200),
    options: {
      code: answering(200),
      requestsPerSecond: 1 / 60,
      rollout: {
        steps: [{ weight: 10, bake: '5m', maxBake: '30m' }],
        smoke: [{ get: '/health', expect: { status: 200 } }],
        probe: { every: '2s' },
      },
    },
  },
  limits: {
    options: {
      requestsPerSecond: 0,
      rollout: {
        targets: {
          api: { lambda: FUNCTION, alias: ALIAS, source: 'sqs', queue: 'orders', dlq: 'orders-dlq' },
        },
        watch: { errors: '1.5x' },
        limits: { dlqNew: 5, batchFailures: 50 },
      },
    },
    before: ({ addQueue }) =>
      addQueue({
        functionName: FUNCTION,
        queue: 'orders',
        dlq: 'orders-dlq',
        messagesPerSecond: 100,
        failRate: (version) => (version === '2' ? 0.2 : 0),
      }),
  },
  zip: {
    options: { tags: { 'spillway:mode': 'zip' }, code: zipOf('export const handler = () => 1;') },
    release: { zip: zipOf('export const handler = () => ({ statusCode: 200, body: "{}" });') },
  },
  'zip-reverted': {
    options: {
      tags: { 'spillway:mode': 'zip' },
      code: zipOf('export const handler = () => 1;'),
      canaries: BAD,
    },
    release: { zip: zipOf('export const handler = () => 2;') },
  },
  queue: {
    acts: [
      { minute: 3, does: ({ release }) => release() },
      { minute: 4, does: ({ release }) => release() },
    ],
  },
  'no-way-back': {
    options: { rollout: { steps: [{ weight: 10, bake: '1m' }], holdout: 0, verify: '30m' } },
    before: ({ lambda }) => lambda.helpers.createAlias(FUNCTION, pinNameOf(ALIAS), '1'),
    acts: [
      {
        minute: 18,
        does({ lambda }) {
          lambda.helpers.removeAlias(FUNCTION, pinNameOf(ALIAS));
          return lambda.operations.DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '1' });
        },
      },
    ],
  },
  recalled: {
    options: {
      // What fails only while it serves alone is held in doubt after two recalls.
      canaries: { 2: { errors: (_, __, weight) => (weight === 100 ? 0.2 : 0.001) } },
      rollout: { steps: [{ weight: 10, bake: '1m' }], verify: '5m' },
    },
    acts: [{ minute: 150, does: order('abort', { reason: 'it fails under full load' }) }],
  },
  'taken-over': {
    options: { rollout: { steps: [{ weight: 10, bake: '20m' }] } },
    acts: [{ minute: 5, does: ({ ports }) => ports.executions.stop(ID, 1, 'stopped by hand') }],
  },
};
