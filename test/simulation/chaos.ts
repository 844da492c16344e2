import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import type { Limits } from '../../local/checkers.ts';
import { type Random, seededRandom } from '../../local/random.ts';
import { type Behaviour, FUNCTION } from '../../local/scenario.ts';
import { ALIAS } from '../../local/world.ts';
import { crashes, type Hooks, journalOutage, serviceDown } from './faults.ts';
import { MINUTE, type Plot, ROLLOUT_ID, type Stage } from './stage.ts';

/** What a disturbed rollout may take its time for: an execution has to be found dead, twice if need be. */
export const DISTURBED: Limits = { tickMs: 20 * MINUTE, outMs: 20 * MINUTE };

const WARM_MINUTES = 5;

/** Times that a person asks again after an error; a controller that is down for minutes costs several. */
const ASKED_MAX = 20;

/** A release whose plan, traffic, behaviour and misfortunes all follow from one number. */
export function chaos(seed: number): Plot {
  const random = seededRandom(seed).fork('chaos');
  const isLucky = (share: number) => random.next() < share;
  const among = <T>(...choices: [T, ...T[]]): T => choices[random.int(choices.length)] ?? choices[0];
  const misfortune = misfortunes(random.fork('faults'), isLucky(0.7) ? among(0.002, 0.01, 0.03) : 0);
  /** The minute after the upload in which something goes away; never, for most. */
  const minuteOf = (share: number) => {
    const minute = random.int(15);
    return isLucky(share) ? minute : Number.POSITIVE_INFINITY;
  };
  const [journalAway, metricsAway] = [minuteOf(0.15), minuteOf(0.15)];
  const visits = visitors(random.fork('visitors'));
  let sinceUpload = () => 0;
  return {
    seed,
    warmMinutes: WARM_MINUTES,
    hours: 48,
    requestsPerSecond: among(0.05, 1, 5, 50, 50, 500),
    canaries: { 2: behaviour(random.fork('behaviour')) },
    rollout: plan(random.fork('plan')),
    duplicates: among(0, 0, 0.3),
    around: misfortune.around,
    intercept: (command, input, call) => {
      const isAway = sinceUpload() >= metricsAway && sinceUpload() < metricsAway + 10;
      return isAway && /^(GetMetricData|DescribeAlarms)Command$/.test(command)
        ? Promise.reject(serviceDown())
        : misfortune.intercept(command, input, call);
    },
    changePorts: (ports) => {
      const uploadedAt = ports.clock.now() + WARM_MINUTES * MINUTE;
      sinceUpload = () => (ports.clock.now() - uploadedAt) / MINUTE;
      const isOut = () => sinceUpload() >= journalAway && sinceUpload() < journalAway + 5;
      return journalOutage(isOut)(misfortune.changePorts(ports));
    },
    act: (stage) => Promise.all(visits.map((visit) => visit(stage))),
  };
}

/** Who else has to do with the rollout: a person always, others now and then. */
function visitors(random: Random): ((stage: Stage) => Promise<unknown>)[] {
  const isBusy = random.next() < 0.4;
  const others = [stranger, killer, twin].filter(() => random.next() < 0.1);
  return [
    (stage) => person(stage, random.fork('person'), isBusy),
    ...others.map((visit) => (stage: Stage) => visit(stage, random.fork(visit.name))),
  ];
}

function plan(random: Random): Record<string, unknown> {
  const verify = `${random.int(4)}m`;
  const onInconclusive = ['pause', 'promote', 'revert'][random.int(3)];
  if (random.next() < 0.1) return { steps: undefined, strategy: 'all-at-once', verify, onInconclusive };
  const weights = new Set(Array.from({ length: 1 + random.int(4) }, () => 1 + random.int(99)));
  const steps = [...weights]
    .sort((a, b) => a - b)
    .map((weight) => ({ weight, bake: `${60 + random.int(180)}s`, maxBake: '8m' }));
  return { steps, verify, onInconclusive };
}

/** Good, bad from the start, bad only under load, or bad only after a while. */
function behaviour(random: Random): Behaviour {
  const share = 0.02 + random.next() / 2;
  const kind = random.next() < 0.5 ? 'errors' : 'faults';
  const dice = random.next();
  if (dice < 0.5) return {};
  if (dice < 0.7) return { [kind]: share };
  const from = 5 + random.int(90);
  if (dice < 0.85)
    return { [kind]: (_: string, __: number, weight: number) => (weight >= from ? share : 0.001) };
  let first: number | undefined;
  return {
    [kind]: (_: string, at: number) => {
      first ??= at;
      return at - first > from * 6000 ? share : 0.001;
    },
  };
}

/** Functions that die or are invoked twice, AWS calls that are refused, delayed, or lose their answers: each with the same small chance. */
function misfortunes(random: Random, chance: number): Hooks {
  const isHit = () => random.next() < chance;
  const hooks = crashes(
    () => random.next() < chance / 10,
    () => (random.next() < 0.5 ? 'Runtime.ExitError' : 'Lambda.ServiceException'),
  );
  const around: Hooks['around'] = async (fn, event, call) => {
    if (isHit()) void hooks.around(fn, event, call).catch(() => {});
    return hooks.around(fn, event, call);
  };
  const intercept: Hooks['intercept'] = (command, input, call) =>
    hooks.intercept(command, input, async () => {
      if (hooks.isInside() && isHit()) throw serviceDown();
      const answer = await call();
      if (hooks.isInside() && isHit())
        throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
      return answer;
    });
  return { ...hooks, around, intercept };
}

/** Somebody at a keyboard: gives orders at random, and never leaves a paused rollout alone. */
async function person(stage: Stage, random: Random, isBusy: boolean): Promise<void> {
  const ask = async (command: Parameters<Stage['order']>[0], more: object = {}): Promise<unknown> => {
    for (let asked = 0; asked < ASKED_MAX; asked++) {
      try {
        return await stage.order(command, more);
      } catch (error) {
        if (error instanceof Error && error.name === 'CommandRefused') return undefined;
        await stage.clock.sleep(20_000);
      }
    }
    return undefined;
  };
  const answer = async () => {
    await ask(random.next() < 0.5 ? 'abort' : 'promote');
    await ask('resume');
  };
  stage.follow(({ events }) => {
    if (events.some((event) => event.type === 'Paused' && event.why !== 'broken'))
      void stage.clock
        .sleep(random.int(4 * MINUTE))
        .then(answer)
        .catch(() => {});
  });
  for (let left = isBusy ? 1 + random.int(4) : 0; left > 0; left--) {
    await stage.clock.sleep(random.int(6 * MINUTE));
    const order = (['pause', 'resume', 'promote', 'abort'] as const)[random.int(4)] ?? 'pause';
    await ask(order, order === 'promote' && random.next() < 0.3 ? { full: true } : {});
  }
}

/** Somebody else who writes the alias: moves its version, removes our weight, or raises it. */
async function stranger(stage: Stage, random: Random): Promise<void> {
  await stage.clock.sleep(1_000 + random.int(12 * MINUTE));
  const other = stage.lambda.helpers.publishCounted(FUNCTION);
  const change = [
    { FunctionVersion: other },
    { RoutingConfig: { AdditionalVersionWeights: {} } },
    { FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { '2': 0.97 } } },
    { Description: 'managed by somebody else' },
  ][random.int(4)];
  await stage.clients.lambda.send(new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...change }));
}

/** Stops the execution somewhere on its way. */
async function killer(stage: Stage, random: Random): Promise<void> {
  await stage.clock.sleep(2_000 + random.int(12 * MINUTE));
  await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
}

/** Starts a second execution of the same rollout, as the last schedule does. */
async function twin(stage: Stage, random: Random): Promise<void> {
  await stage.clock.sleep(2_000 + random.int(8 * MINUTE));
  const first = stage.stepFunctions.execution(`${ROLLOUT_ID}-1`);
  if (first === undefined) return;
  const { machineArn: stateMachineArn, input } = first;
  await stage.stepFunctions.startExecution({ stateMachineArn, name: `${ROLLOUT_ID}-twin`, input });
}
