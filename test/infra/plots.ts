import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { zipSync } from 'fflate';
import { lambdaCommands } from '../../adapters/lambda-commands.ts';
import { SESSION, sessionOf } from '../../api/session.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import type { Commands } from '../../core/ports.ts';
import type { CommandRequest } from '../../core/rollout/command-request.ts';
import { ALIAS, SLACK_TOKEN } from '../../local/account.ts';
import { awsError } from '../../local/sdk.ts';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_RELEASE } from '../../simulation/site.ts';
import { APP, formOf, payloadOf, SECRET, signedBy, TEAM } from '../api/click.ts';
import { ADA } from '../api/stage.ts';
import { proven } from '../core/rollout/given.ts';
import { iam, type Asked as Request, urlEvent } from '../functions/url-event.ts';
import { MINUTE, type Plot, play, ROLLOUT_ID, type Stage } from '../simulation/stage.ts';
import { type Asked, PLACE, recorder } from './calls.ts';

const zipOf = (text: string) => zipSync({ 'index.mjs': new TextEncoder().encode(text) });
const BAD = { 2: { errors: 0.2 } };
const ZIP: Plot = {
  tags: { 'spillway:mode': 'zip' },
  code: zipOf('export const handler = () => 1;'),
  release: { zip: zipOf('export const handler = () => ({ statusCode: 200, body: "{}" });') },
};
const HOOK = 'checkout-hook';

const order = (stage: Stage, command: string, more: object = {}) =>
  stage.command({ command, rolloutId: ROLLOUT_ID, by: proven('ada'), ...more } as CommandRequest);

function hooked(stage: Stage): void {
  const { helpers } = stage.lambda;
  helpers.createFunction({ name: HOOK, tags: { 'spillway:service': SERVICE }, timeout: 900 });
  helpers.deployModel(HOOK, () => ({ status: 'pass', reason: 'all is well' }));
}

/** Takes the token off the alias, so that only the function's tag says whose it is. */
const wipe = ({ clients }: Stage) =>
  clients.lambda.send(new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, Description: '' }));

/** Ends the execution that carries the rollout now, as a person in the console would. */
const kill = ({ clients, machineArn }: Stage, epoch = 1) =>
  clients.sfn.send(
    new StopExecutionCommand({
      executionArn: `${machineArn.replace(':stateMachine:', ':execution:')}:${ROLLOUT_ID}-${epoch}`,
      error: 'Killed',
      cause: 'a test',
    }),
  );

/** Rollouts that together lead every function through everything that it does on AWS. */
const PLOTS: Record<string, Plot> = {
  'a release of a zip, asked about, watched and completed': {
    ...ZIP,
    web: { 'hooks.test': () => Response.json({ status: 'pass', reason: 'fine' }) },
    async before(stage) {
      hooked(stage);
      await alarmed(stage);
    },
    rollout: {
      hooks: {
        beforeTraffic: [{ lambda: HOOK }, { http: 'https://hooks.test/ask' }],
        onRevert: [{ lambda: HOOK }],
      },
      alarms: ['orders'],
      watch: { errors: '1.5x' },
    },
    async act(stage) {
      await stage.saw('Shifted');
      for (const read of [
        ...[{ read: 'about' }, { read: 'running' }],
        ...[
          { read: 'service', service: SERVICE },
          { read: 'recent', service: SERVICE },
        ],
        ...[
          { read: 'rollout', rolloutId: ROLLOUT_ID },
          { read: 'events', rolloutId: ROLLOUT_ID },
        ],
      ])
        await stage.invoke('ReadRollout', read);
    },
  },
  'a bad release of a zip, whose code goes too': {
    ...ZIP,
    before: hooked,
    canaries: BAD,
    rollout: { hooks: { onRevert: [{ lambda: HOOK }] } },
  },
  'a release that fails once it serves alone': withSite({
    rollout: { verify: '15m', holdout: 0, recall: 'off' },
    canaries: {
      2: { errors: (_: string, __: number, weight: number) => (weight === 100 ? 0.3 : 0.001) },
    },
  }),
  'a pin that could not be deleted at first': { intercept: once('DeleteAliasCommand') },
  'a release that another tool has put on the alias': {
    async act(stage) {
      await stage.event((event) => event.type === 'RolloutClosed');
      const version = stage.lambda.helpers.publishCounted(FUNCTION);
      await stage.clients.lambda.send(
        new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion: version }),
      );
      await stage.release({ manifest: { targets: { api: { version } } } });
    },
  },
  'a release whose versions are probed': {
    code: () => ({ statusCode: 200, body: 'fine' }),
    before({ lambda, secrets }) {
      lambda.helpers.publish(FUNCTION, () => ({ statusCode: 200, body: 'fine as well' }));
      secrets.secrets.set(`spillway/${SERVICE}/key`, 'k');
      secrets.parameters.set(`/spillway/${SERVICE}/key`, 'k');
    },
    release: { manifest: { targets: { api: { version: '2' } } } },
    rollout: {
      smoke: [
        {
          get: '/health',
          headers: { authorization: '{{one}} {{two}}' },
          secrets: {
            one: { secret: `spillway/${SERVICE}/key` },
            two: { parameter: `/spillway/${SERVICE}/key` },
          },
          expect: { status: 200 },
        },
      ],
      probe: { every: '20s' },
    },
  },
  'a site that is asked for its pages': {
    beside: { web: SITE_RELEASE },
    before: (stage) =>
      addSite(stage, { seed: 1, release: { kind: 'good' }, requestsPerSecond: 50, stableErrors: 0.001 }),
    web: { 'web-shop.example': () => new Response('fine', { headers: { 'x-amz-meta-release': '2' } }) },
    async act(stage) {
      const headers = { 'x-spillway-site': SITE };
      await stage.invoke('Beacon', urlEvent('POST', '/', { headers, body: '{"r":"2","n":1,"f":0}' }));
    },
    rollout: {
      smoke: [{ target: 'web', get: '/', expect: { status: 200 } }],
      probe: { every: '20s' },
    },
  },
  'a release that must have completed elsewhere first': {
    release: { manifest: { requires: { completedIn: 'staging' } } },
  },
  'an alarm': {
    rollout: { alarms: ['orders'] },
    before: alarmed,
    async act({ clients, saw, clock }) {
      await saw('Measured');
      await clock.sleep(MINUTE / 4);
      await clients.cloudwatch.send(
        new SetAlarmStateCommand({ AlarmName: 'orders', StateValue: 'ALARM', StateReason: 'a test' }),
      );
    },
  },
  'a gate, a promotion, and a rollback when all was well': withSite({
    rollout: { gates: [{ before: 50, approvers: 1, timeout: '1h', onTimeout: 'revert' }] },
    async act(stage) {
      await stage.saw('GateOpened');
      await order(stage, 'approve', { gate: 50 });
      await stage.event((event) => event.type === 'RolloutClosed');
      await stage.clock.sleep(5 * MINUTE);
      await order(stage, 'rollback', { reason: 'people complain' });
    },
  }),
  'a failed release that is tried again': {
    ...ZIP,
    before: alarmed,
    rollout: { alarms: ['orders'] },
    canaries: BAD,
    async act(stage) {
      await stage.event((event) => event.type === 'RolloutClosed');
      await stage.clock.sleep(5 * MINUTE);
      await order(stage, 'retry');
    },
  },
  'a rollout that other hands take over, of which people are notified, at the second try': {
    access: {
      ...NO_ACCESS,
      notify: { '*': [{ slack: '#deploys' }, ...PLACE.topics.map((sns) => ({ sns }))] },
    },
    secrets: { SlackToken: SLACK_TOKEN },
    before({ sns, slack }) {
      for (const topic of PLACE.topics) sns.topic(topic);
      let calls = 0;
      slack.trouble = () => (++calls === 1 ? 'down' : undefined);
    },
    async act(stage) {
      await stage.saw('Measured');
      const FunctionVersion = stage.lambda.helpers.publishCounted(FUNCTION);
      await stage.clients.lambda.send(
        new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion }),
      );
      await stage.clock.sleep(40 * MINUTE);
      await order(stage, 'acknowledge');
    },
  },
  'an execution that died': withSite({
    // The schedule of an ended rollout that could not be deleted is the watchdog's to delete.
    intercept: once('DeleteScheduleCommand'),
    async act(stage) {
      await stage.saw('Measured');
      await kill(stage);
    },
  }),
};

/** Gives an abort: to the function that has it alone, as the API does, or to the one that takes every command. */
type Abort = (stage: Stage, more: object) => Promise<unknown>;
const ABORTS: Abort[] = [
  (stage, more) => order(stage, 'abort', more),
  ({ invoke }, more) => invoke('Command', { command: 'abort', rolloutId: ROLLOUT_ID, by: 'ada', ...more }),
];

const aborted = (abort: Abort): Record<string, Plot> => ({
  'a pause, a second release that waits, a third one that supersedes it and is aborted, a fourth one, and an abort':
    {
      ...ZIP,
      before: alarmed,
      rollout: { alarms: ['orders'] },
      duplicates: 1,
      async act(stage) {
        await stage.saw('Measured');
        await order(stage, 'pause', { reason: 'it looks odd' });
        await stage.release(ZIP.release);
        await stage.release(ZIP.release);
        await stage.clock.sleep(5 * MINUTE);
        await abort(stage, { rolloutId: `${SERVICE}--r3--1`, reason: 'not this one' });
        await stage.release(ZIP.release);
        await order(stage, 'resume');
        await stage.clock.sleep(MINUTE);
        await abort(stage, { reason: 'enough' });
      },
    },
  'an execution that died while its token was wiped away, and an abort after it': withSite({
    async act(stage) {
      await stage.saw('Measured');
      await wipe(stage);
      await abort(stage, { reason: 'enough' });
    },
  }),
});

async function alarmed({ clients, clock }: Stage): Promise<void> {
  const put = clients.cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName: 'orders',
      Namespace: 'Shop',
      MetricName: 'Orders',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'notBreaching',
    }),
  );
  await clock.run(put);
}

/** Loses the first call of a kind. */
function once(lost: string): NonNullable<Plot['intercept']> {
  let isLost = false;
  return (command, _, call) => {
    if (isLost || command !== lost) return call();
    isLost = true;
    return Promise.reject(awsError('InternalServerException', 'Not now.', 500));
  };
}

/** A journal that cannot be reached from the first tick on: an abort acts without it, and the watchdog too. */
function withoutJournal(how: Abort | 'watchdog'): Plot {
  let isOut = false;
  return {
    hours: 3,
    intercept: (command, _, call) =>
      isOut && /Item|Query/.test(command)
        ? Promise.reject(awsError('InternalServerError', 'The journal is out.', 500))
        : call(),
    async act(stage) {
      await stage.saw('Measured');
      if (how === 'watchdog') {
        await kill(stage);
        await wipe(stage);
      }
      isOut = true;
      if (how !== 'watchdog') await how(stage, { reason: 'enough' }).catch(() => {});
      await stage.clock.sleep(30 * MINUTE);
      isOut = false;
    },
  };
}

/** Both doors of the API, through which a rollout is looked at and commanded; they hand commands over by Lambda, as on AWS. */
function byApi(): Plot {
  const oidc = { issuer: 'https://id.test', clientId: 'c', groupsClaim: 'groups' };
  const slack = { teams: [TEAM], appId: APP };
  const roles = { '*': { operator: ['oidc:1', ADA, `slack:${TEAM}/U1`] } };
  let commands: Commands | undefined;
  return {
    changePorts: (ports) => ({
      ...ports,
      access: { ...NO_ACCESS, oidc, slack, roles },
      slackSecret: async () => SECRET,
      commands: { give: (request) => (commands ?? ports.commands).give(request) },
    }),
    before({ lambda, clients, ports, invoke }) {
      const arns = { Abort: 'Abort', Command: 'Command' } as const;
      for (const name of Object.values(arns)) {
        lambda.helpers.createFunction({ name, timeout: 75 });
        lambda.helpers.deployModel(name, (event) => invoke(name, event));
      }
      commands = lambdaCommands(clients.lambda, ports, arns);
    },
    async act(stage) {
      await stage.saw('Measured');
      const session = { iss: oidc.issuer, sub: '1', groups: [] };
      const token = await sessionOf(session, stage.ports.tokens, stage.clock.now() + MINUTE);
      const own = { 'x-spillway': '1', 'sec-fetch-site': 'same-origin' };
      const doors: ['ApiIam' | 'ApiPublic', Request][] = [
        ['ApiIam', { authorizer: iam(ADA) }],
        ['ApiPublic', { headers: own, cookies: [`${SESSION}=${token}`] }],
      ];
      for (const [door, asked] of doors) {
        for (const path of ['/rollouts', `/services/${SERVICE}/rollouts`, `/rollouts/${ROLLOUT_ID}/events`])
          await stage.invoke(door, urlEvent('GET', path, asked));
        await stage.invoke(door, urlEvent('POST', `/rollouts/${ROLLOUT_ID}/pause`, asked));
      }
      const body = formOf(payloadOf(ROLLOUT_ID));
      const headers = signedBy(SECRET, body, Math.floor(stage.clock.now() / 1000));
      await stage.invoke('ApiPublic', urlEvent('POST', '/slack/actions', { headers, body }));
    },
  };
}

/** The same with a site that goes out with the function. */
function withSite(plot: Plot): Plot {
  return {
    ...plot,
    beside: { web: SITE_RELEASE },
    async before(stage) {
      addSite(stage, { seed: 1, release: { kind: 'good' }, requestsPerSecond: 50, stableErrors: 0.001 });
      await plot.before?.(stage);
    },
  };
}

/** Plays everything and answers every call that a function made. */
export async function everythingAsked(): Promise<Asked[]> {
  const asked: Asked[] = [];
  const plots = [
    ...Object.values(PLOTS),
    ...ABORTS.flatMap((abort) => [...Object.values(aborted(abort)), withoutJournal(abort)]),
    ...[byApi(), withSite(withoutJournal('watchdog'))],
  ];
  for (const plot of plots) {
    const { asked: some, around, intercept } = recorder();
    const { intercept: fault = (_: string, __: object, call: () => Promise<object>) => call() } = plot;
    await play({
      journal: 'dynamodb',
      ...plot,
      // DynamoDB's stream hands a record over again where it is not sure, a moment later.
      around: async (fn, event, call) => {
        const answer = await around(fn, event, call);
        return fn === 'JournalStream' ? around(fn, event, call) : answer;
      },
      intercept: (command, input, call) => intercept(command, input, () => fault(command, input, call)),
    });
    asked.push(...some);
  }
  return asked;
}
