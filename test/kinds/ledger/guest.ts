import { readFileSync } from 'node:fs';
import { tokenFrom } from '../../../core/rollout/fencing-token.ts';
import type { Target } from '../../../core/target.ts';
import { seededRandom } from '../../../local/random.ts';
import { directClient } from '../../../local/sdk.ts';
import { type Observe, served } from '../../../local/witness.ts';
import type { Guest, Hosts } from '../../../simulation/guest.ts';
import { ledgerKind } from './kind.ts';
import { Ledger } from './ledger.ts';
import { type Ask, KEY, ledgerMetrics, ledgerRouter } from './router.ts';

const LATENCY_MS = 20;

/** A world's ledger beside its alias, the arm of the state machine included; its release is bad in one of three worlds whose own is. */
export function ledgerGuest({ clock, intercept, it }: Hosts): Guest {
  const isGood = it.release.kind === 'good' || it.seed % 3 > 0;
  const ledger = new Ledger({
    ...{ clock, random: seededRandom(it.seed).fork('ledger'), bookingsPerSecond: it.requestsPerSecond },
    errorRate: (version) => (version === '2' && !isGood ? 0.3 : it.stableErrors),
  });
  const client = directClient(ledger.service, { clock, latencyMs: () => LATENCY_MS, intercept });
  const ask: Ask = (name, input = {} as never) =>
    client.send(Object.assign(Object.create({ constructor: { name } }), { input })) as Promise<never>;
  return {
    name: 'book',
    spec: { ledger: 'books', source: 'invoke' },
    isGood,
    observe: observing(ledger),
    world: {
      services: { ledger: ledger.service },
      machine: withArm(),
    },
    ports(ours) {
      const router = ledgerRouter(ask, ours.clock);
      const metrics = ledgerMetrics(ask);
      const sourceOf = ({ kind }: Target) => (kind === ledgerKind.kind ? metrics : ours.metrics);
      return {
        ...ours,
        kinds: [...ours.kinds, ledgerKind],
        router: (kind) => (kind === ledgerKind.kind ? router : ours.router(kind)),
        metrics: {
          ...ours.metrics,
          read: (target, ...asked) => sourceOf(target).read(target, ...asked),
          past: (target, ...asked) => sourceOf(target).past(target, ...asked),
        },
      };
    },
  };
}

/** The state machine of the product with one arm more. */
function withArm(): string {
  const file = new URL('../../../statemachines/rollout.asl.json', import.meta.url);
  const machine = JSON.parse(readFileSync(file, 'utf8'));
  const { States } = machine.States.RevertDirectly.ItemProcessor;
  States.WhichKind.Choices.push({
    Condition: "{% $states.input.target.kind = 'ledger' %}",
    Next: 'RevertBook',
  });
  const { Retry } = States.ReadAlias;
  States.RevertBook = {
    Type: 'Task',
    Resource: 'arn:aws:states:::aws-sdk:ledger:revertBook',
    Arguments: {
      rolloutId: '{% $states.context.Execution.Input.rolloutId %}',
      stable: '{% $states.input.target.stable %}',
      canary: '{% $states.input.target.canary %}',
      note: '{% $states.context.Execution.Input.closed %}',
    },
    TimeoutSeconds: 5,
    Retry: [...Retry, { ...Retry[0], ErrorEquals: ['Ledger.ThrottlingException'] }],
    Catch: [{ ErrorEquals: ['States.ALL'], Next: 'NotReverted' }],
    End: true,
  };
  return JSON.stringify(machine);
}

const observing =
  (ledger: Ledger): Observe =>
  (_account, witness) => {
    ledger.onWrite = (before, after, isConditional) => {
      const standing = ({ primary, weights }: typeof before) => ({ primary, weights });
      witness.wrote({
        ...{ key: KEY, before: standing(before), after: standing(after), isConditional },
        ...{ replaced: before.revision, by: after.note === before.note ? undefined : tokenFrom(after.note) },
      });
    };
    ledger.onRead = () => {
      const done = witness.looking(KEY);
      return () => done();
    };
    ledger.onCount = (counted) => witness.counted(served(KEY, counted.version), counted);
    return {
      met: () =>
        Object.fromEntries(
          Object.entries(ledger.traffic.tally).map(([version, { requests, faults, weather, counted }]) => [
            served(KEY, version),
            { requests, failed: faults - weather, counted },
          ]),
        ),
      artifacts: () => ({ [served(KEY, '1')]: 'ledger 1', [served(KEY, '2')]: 'ledger 2' }),
    };
  };
