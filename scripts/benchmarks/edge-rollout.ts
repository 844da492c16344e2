import { virtualClock } from '../../local/clock.ts';
import { LATENCY_MS } from '../../local/latency.ts';
import { createScenario, type ScenarioOptions } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_RELEASE } from '../../simulation/site.ts';
import { counting, dollarsFor, FOUR_STEPS } from './charges.ts';
import type { Figures } from './figures.ts';

/** A call of the KeyValueStore's API, in US dollars (CloudFront price list, 2026). */
const STORE_CALL = 1 / 1_000;

/** Plenty for four steps of three minutes to decide. */
const VISITS_PER_SECOND = 2_000;

/** What a rollout of a site of four steps costs, counted from its calls, and how long an abort takes until the last edge location leads everybody to stable. */
export async function siteRollout(): Promise<Figures> {
  const clock = virtualClock();
  const { charges, world } = counting(clock);
  let stores = 0;
  const intercept: ScenarioOptions['intercept'] = (command, input, call) => {
    if (/KeyValueStore|^GetKey|^UpdateKeys/.test(command)) stores += 1;
    return world.intercept?.(command, input, call) ?? call();
  };
  const scenario = sited(clock, { ...world, intercept, journal: 'dynamodb' });
  const [from, to] = [{ ...charges }, stores];
  const { outcome } = await clock.run(scenario.run(RELEASE), 24 * 3600_000);
  if (outcome !== 'completed') throw new Error(`The rollout of a site was to complete and is ${outcome}.`);
  const transitions = scenario.stepFunctions.executions.reduce((sum, each) => sum + each.transitions, 0);
  await clock.advance(60_000);
  const charged = Object.fromEntries(
    Object.entries({ ...charges, transitions }).map(([what, much]) => [
      what,
      much - from[what as keyof typeof from],
    ]),
  ) as typeof charges;
  const calls = stores - to;
  const aborted = await abort();
  return {
    'calls of the store for a site rollout of four steps': calls,
    'US dollars per site rollout of four steps': round(dollarsFor(charged) + calls * STORE_CALL),
    'ms from the abort of a site to its write': aborted.written,
    'ms from the abort of a site to the last visitor on stable, as assumed': aborted.seen,
    'goal: an abort of a site is written within 1 s': aborted.written < 1_000,
  };
}

const RELEASE = { manifest: { targets: { web: SITE_RELEASE.artifact } } };

/** A service that is a site alone, whose releases are good. */
function sited(clock: ReturnType<typeof virtualClock>, more: Partial<ScenarioOptions> = {}) {
  const rollout = { ...FOUR_STEPS, targets: { web: SITE_RELEASE.spec } };
  const scenario = createScenario({ clock, seed: 1, warmMinutes: 2, requestsPerSecond: 0, rollout, ...more });
  addSite(scenario, {
    ...{ seed: 1, requestsPerSecond: VISITS_PER_SECOND, stableErrors: 0.001, release: { kind: 'good' } },
  });
  return scenario;
}

/** Milliseconds from an abort until no visitor is led to the release, at the store and at the edge location that sees it last. */
async function abort(): Promise<{ written: number; seen: number }> {
  const clock = virtualClock();
  const scenario = sited(clock);
  const isOut = (text = '{}') => !(JSON.parse(text).w > 0);
  const at = () => scenario.kvs.helpers.value(SITE, 'spillway');
  const atEdge = () => scenario.kvs.helpers.atEdge(SITE, 'spillway', LATENCY_MS.kvsPropagation);
  const measured = async () => {
    const rolloutId = await scenario.release(RELEASE);
    while (isOut(atEdge())) await clock.sleep(100);
    const began = clock.now();
    const command = { command: 'abort', rolloutId, by: 'ada', reason: 'measured' };
    const answer = scenario.invoke('Abort', command);
    while (!isOut(at())) await clock.sleep(1);
    const written = clock.now() - began;
    while (!isOut(atEdge())) await clock.sleep(1);
    const seen = clock.now() - began;
    await answer;
    return { written, seen };
  };
  return clock.run(measured(), 3600_000);
}

const round = (value: number) => Math.round(value * 1e6) / 1e6;
