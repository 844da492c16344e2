import { readdirSync, readFileSync } from 'node:fs';
import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import type { Ports } from '../../controller/ports.ts';
import { signedCommand } from '../../core/people/signed-command.ts';
import type { TrafficRouter } from '../../core/ports.ts';
import type { Made } from '../../core/rollout/event.ts';
import { tokenText } from '../../core/rollout/fencing-token.ts';
import { ALIAS } from '../../local/account.ts';
import { CHECKERS } from '../../simulation/checkers/checkers.ts';
import { serviceDown } from '../../simulation/faults.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { actor, proven } from '../core/rollout/given.ts';
import { journals, misreading, overwriting, routers, unfenced, writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, ROLLOUT_ID, SHORT, type Stage } from './stage.ts';

const BAD = { canaries: { 2: { errors: 0.2 } } };
const DEATH = { tickMs: 8 * MINUTE, outMs: 8 * MINUTE };

/** Plays a plot with a bug in the ports, which may need the stage. */
function bugged(plot: Plot, bug: (ports: Ports, stage: () => Stage) => Ports) {
  let stage: Stage | undefined;
  const onStage = () => {
    if (stage === undefined) throw new Error('The stage is not set yet.');
    return stage;
  };
  return play({
    hours: 3,
    rollout: SHORT,
    ...plot,
    before: async (on) => {
      stage = on;
      await plot.before?.(on);
    },
    changePorts: (ports) => bug(plot.changePorts?.(ports) ?? ports, onStage),
  });
}

/** A write as a router makes it, in whatever shape. */
const write = ({ clients }: Stage, primary: string, weights: Record<string, number>, token: string) =>
  clients.lambda.send(
    new UpdateAliasCommand({
      FunctionName: FUNCTION,
      Name: ALIAS,
      FunctionVersion: primary,
      RoutingConfig: { AdditionalVersionWeights: weights },
      Description: token,
      RevisionId: undefined,
    }),
  );

const raising = (
  stage: () => Stage,
  how: (stage: Stage, raise: Parameters<TrafficRouter['raise']>[1]) => unknown,
) =>
  ({
    raise: async (_target, raise) => {
      await how(stage(), raise);
      return { result: 'raised' as const };
    },
  }) satisfies Partial<TrafficRouter>;

describe('an incident of other controllers is seen by its checker:', () => {
  test('the untested version becomes the alias own one, and the old one a weight beside it', async () => {
    const { run } = await bugged({}, (ports, stage) =>
      routers(ports, () =>
        raising(stage, (on, { weight, write: token }) =>
          weight === 100
            ? write(on, '2', {}, tokenText(token))
            : write(on, '2', { 1: 1 - weight / 100 }, tokenText(token)),
        ),
      ),
    );
    expect(broken(run)).toContain('lostRoutingLandsOnStable');
  });

  test('the alias is written without the revision that was read', async () => {
    const { run } = await bugged({}, (ports, stage) =>
      routers(ports, () => ({ raise: unfenced(stage, 'no revision') })),
    );
    expect(broken(run)).toEqual(['everyRaiseConditional']);
  });

  test('a raise is called done although nobody looked whether it was', async () => {
    const { run } = await bugged({}, (ports, stage) => routers(ports, () => raising(stage, () => {})));
    expect(broken(run)).toContain('shiftedMeansStands');
  });

  test('a later step has less traffic than the one before', async () => {
    const { run } = await bugged({}, (ports, stage) =>
      routers(ports, () =>
        raising(stage, (on, { weight, write: token }) =>
          write(on, '1', { 2: weight === 50 ? 0.05 : weight / 100 }, tokenText(token)),
        ),
      ),
    );
    expect(broken(run)).toContain('weightsOnlyRise');
  });

  test('the revert path puts all traffic on the broken release', async () => {
    const { run } = await bugged(BAD, (ports, stage) =>
      routers(ports, () => ({
        revert: (target, by) => overwriting(stage)({ ...target, stable: target.canary }, by),
      })),
    );
    expect(broken(run)).toContain('revertedToWhatServed');
  });

  test('an abort is accepted and ignored', async () => {
    const { run } = await bugged(
      {
        act: async (stage) => {
          await stage.saw('Measured', 2);
          await stage.order('abort');
        },
      },
      (ports) =>
        routers(ports, () => ({
          revert: async ({ name, stable }) => ({ name, primary: stable, changed: true, drifted: false }),
        })),
    );
    expect(broken(run)).toContain('abortActs');
  });

  test('a gate is passed that nobody approved', async () => {
    const gates = [{ before: 50, timeout: '5m' }];
    const { run } = await bugged(
      { rollout: { ...SHORT, gates } },
      misreading(() => ({
        gates: { 50: { until: Number.MAX_SAFE_INTEGER, approvedBy: [actor('nobody')] } },
      })),
    );
    expect(broken(run)).toEqual(['gatesHeld']);
  });

  test('a gate is approved by somebody who only says who it is', async () => {
    const gates = [{ before: 50, timeout: '5m', onTimeout: 'promote' }];
    const approval = { command: 'approve', gate: 50, rolloutId: ROLLOUT_ID } as const;
    const given = (give: (stage: Stage) => Promise<unknown>): Plot => ({
      rollout: { ...SHORT, gates },
      act: async (stage) => {
        await stage.saw('GateOpened');
        await give(stage).catch(() => {});
      },
    });
    const said = given(({ invoke }) => invoke('Command', { ...approval, by: proven('ada').id }));
    const shown = given(({ command }) => command({ ...approval, by: proven('ada') }));
    for (const [plot, count] of [
      [said, 0],
      [shown, 1],
    ] as const) {
      const { run, events } = await play(plot);
      expect(broken(run)).toEqual([]);
      expect(events.filter(({ type }) => type === 'Approved')).toHaveLength(count);
    }
    // Command believes whoever calls it.
    let ports: Ports | undefined;
    const { run } = await play({
      ...said,
      before: (stage) => {
        ports = stage.ports;
      },
      around: async (name, event, call) =>
        name === 'Command' && ports !== undefined
          ? call(await signedCommand({ ...approval, by: proven('ada') }, ports))
          : call(event),
    });
    expect(broken(run)).toContain('unverifiedApprovesNothing');
    // Command checks no signature.
    const forged = given(async ({ invoke, ports: { clock, environment } }) => {
      const forger = tokens(
        async () => JSON.stringify({ current: 'local', keys: { local: 'f0'.repeat(32) } }),
        {
          environment,
          clock,
        },
      );
      return invoke(
        'Command',
        await signedCommand({ ...approval, by: proven('ada') }, { tokens: forger, clock }),
      );
    });
    const refused = await play(forged);
    expect(broken(refused.run)).toEqual([]);
    expect(refused.events.some(({ type }) => type === 'Approved')).toBe(false);
    const believed = await play({
      ...forged,
      before: (stage) => {
        ports = stage.ports;
      },
      around: async (name, event, call) =>
        name === 'Command' && ports !== undefined
          ? call(await signedCommand({ ...approval, by: proven('ada') }, ports))
          : call(event),
    });
    expect(broken(believed.run)).toContain('unverifiedApprovesNothing');
    // A gate counts everybody.
    const counted = await bugged(shown, (each) =>
      writing((event) =>
        event.type === 'Approved' ? { ...event, by: { ...event.by, isVerified: false } } : event,
      )(each),
    );
    expect(broken(counted.run)).toContain('unverifiedApprovesNothing');
  });

  test('a gate waits for ever', async () => {
    const gates = [{ before: 10, timeout: '5m' }];
    const { run } = await bugged(
      { rollout: { ...SHORT, gates }, hours: 1 },
      misreading(({ gates: open }) => ({
        gates: Object.fromEntries(
          Object.entries(open).map(([before, gate]) => [
            before,
            { ...gate, until: gate.until + 600 * MINUTE },
          ]),
        ),
      })),
    );
    expect(broken(run)).toContain('waitsEnd');
  });

  test('a release is blamed for what somebody else did', async () => {
    const { run } = await bugged(
      {
        act: async (stage) => {
          await stage.saw('Measured', 2);
          await write(stage, '1', {}, '');
        },
      },
      writing((event) =>
        event.type === 'DriftDetected'
          ? { type: 'RevertOrdered', at: event.at, cause: 'canary', reason: 'it left', outcome: 'reverted' }
          : event,
      ),
    );
    expect(broken(run)).toContain('blameHasEvidence');
  });

  test('an alarm that was red before reverts the release', async () => {
    const red = (on: Ports): Ports => ({
      ...on,
      alarms: { read: async (names) => names.map((name) => ({ name, state: 'alarm', since: 0 })) },
    });
    const again: Plot = {
      rollout: { ...SHORT, alarms: ['orders'] },
      act: async (stage) => {
        await stage.saw('Measured', 2);
        const timestamp = new Date(stage.clock.now() - 1_800_000).toISOString();
        await stage.invoke('AlarmEvent', {
          detail: { alarmName: 'orders', state: { value: 'ALARM', timestamp } },
        });
      },
    };
    const real = await bugged(again, red);
    expect(real.rollout?.outcome).toBe('completed');
    expect(faults(real.run)).toEqual([]);
    const { run } = await bugged(again, (ports) =>
      misreading(({ openedAt }) => ({ raisedAt: openedAt - 3_600_000 }))(red(ports)),
    );
    expect(broken(run)).toContain('redBeforeNeverBlames');
  });

  const blind: Plot = {
    intercept: (command, _input, call) =>
      command === 'GetMetricDataCommand' && isBlind ? Promise.reject(serviceDown()) : call(),
    act: async (stage) => {
      await stage.saw('Shifted');
      isBlind = true;
    },
  };
  let isBlind = false;

  test('nothing can be measured and the canary stays', async () => {
    const real = await bugged(blind, (ports) => ports);
    expect(real.story).toContain('Paused by spillway, broken');
    expect(faults(real.run)).toEqual([]);
    isBlind = false;
    const { run } = await bugged(
      { ...blind, hours: 1 },
      misreading(() => ({ brokenInRow: 0 })),
    );
    isBlind = false;
    expect(broken(run)).toContain('brokenIsBounded');
  });

  test('counters start over after a restart', async () => {
    const killed: Plot = {
      rollout: { steps: [{ weight: 10, bake: '20m' }], verify: '0m' },
      act: async (stage) => {
        await stage.saw('Measured', 4);
        await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
      },
    };
    expect(faults((await bugged(killed, (ports) => ports)).run, DEATH)).toEqual([]);
    const { run } = await bugged(
      killed,
      misreading(({ epoch, stepSince = 0 }) => (epoch > 1 ? { stepSince: stepSince + 7 * MINUTE } : {})),
    );
    expect(broken(run, DEATH)).toContain('bakeSurvivesTakeover');
  });

  test('a bake that has not begun is none: its raise was put off, and made only after the takeover', async () => {
    let isDown = false;
    const { run, story } = await bugged(
      {
        rollout: { steps: [{ weight: 10, bake: '2m' }], verify: '0m' },
        intercept: (command, _input, call) =>
          command === 'GetAliasCommand' && isDown ? Promise.reject(serviceDown()) : call(),
        act: async (stage) => {
          await stage.saw('ShiftIntended');
          isDown = true;
          await stage.saw('Deferred');
          isDown = false;
          await stage.saw('Measured');
          await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
        },
      },
      (ports) => ports,
    );
    expect(story.slice(1, 8)).toEqual([
      ...['ShiftIntended api 10 %', 'Deferred', 'Measured inconclusive', 'TookOver 2'],
      ...['Measured inconclusive', 'ShiftIntended api 10 %', 'Shifted api 10 %'],
    ]);
    expect(faults(run, DEATH)).toEqual([]);
  });

  test('a reason is the JSON of an error', async () => {
    const dead: Plot = {
      around: async (fn, event, call) => {
        if (fn === 'Measure') throw new TypeError('x is undefined');
        return call(event);
      },
    };
    expect(faults((await bugged(dead, (ports) => ports)).run)).toEqual([]);
    const wordless = writing((event) =>
      event.type === 'RevertOrdered' || event.type === 'Reverted'
        ? { ...event, reason: '{"errorType":"TypeError"}' }
        : event,
    );
    const { run } = await bugged(dead, wordless);
    expect(broken(run)).toContain('reasonsAreWords');
  });

  test('what was reverted is tried again under another name', async () => {
    const again: Plot = {
      ...BAD,
      act: async (stage) => {
        await stage.saw('RolloutClosed');
        await stage.release({ manifest: { targets: { api: { version: '2' } } } });
      },
    };
    expect(faults((await bugged(again, (ports) => ports)).run)).toEqual([]);
    const { run } = await bugged(again, (ports) =>
      journals(ports, (journal) => ({
        service: async (name) => ({ ...(await journal.service(name)), quarantined: [] }),
      })),
    );
    expect(broken(run)).toContain('quarantineHolds');
  });

  test('what was reverted is tried again as another version of the same code', async () => {
    const again: Plot = {
      ...BAD,
      act: async (stage) => {
        await stage.saw('RolloutClosed');
        const { helpers } = stage.lambda;
        helpers.publishCounted(FUNCTION);
        await stage.release({ version: helpers.republish(FUNCTION, '2') });
      },
    };
    expect(faults((await bugged(again, (ports) => ports)).run)).toEqual([]);
    const { run } = await bugged(again, (ports) =>
      journals(ports, (journal) => ({
        service: async (name) => {
          const record = await journal.service(name);
          const quarantined = record.quarantined?.map((each) => ({ ...each, made: onlyVersions(each.made) }));
          return { ...record, quarantined };
        },
      })),
    );
    expect(broken(run)).toContain('quarantineHolds');
  });
});

/** What a controller knows that tells artifacts apart by their version alone. */
const onlyVersions = (made: Record<string, Made>): Record<string, Made> =>
  Object.fromEntries(Object.entries(made).map(([name, { version }]) => [name, { version }]));

test('every checker is tripped by a planted bug in some test', () => {
  const folder = new URL('.', import.meta.url);
  const tests = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const text = tests.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  const seen = (name: string) =>
    new RegExp(`broken\\([^;]*\\)\\)\\s*\\.(?:toContain|toEqual)\\([^;]*'${name}'`).test(text) ||
    new RegExp(`tampered\\([^;]*'${name}'`).test(text);
  expect(Object.keys(CHECKERS).filter((name) => !seen(name))).toEqual([]);
  expect(Object.keys(CHECKERS).length).toBeGreaterThanOrEqual(35);
});

test('the page about safety names every checker, and none that is not there', () => {
  const page = readFileSync(new URL('../../docs/safety.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| promise |'), page.indexOf('## How long'));
  const named = [...table.matchAll(/`([a-z]+[A-Z]\w*)`/g)].map(([, name]) => name);
  expect([...new Set(named)].sort()).toEqual(Object.keys(CHECKERS).sort());
});
