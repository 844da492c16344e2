import { tokenFrom } from '../../core/rollout/fencing-token.ts';
import { NOBODY } from '../../core/rollout/revert-plan.ts';
import { OWNER_KEY, ownerFrom } from '../../core/site/owner.ts';
import type { SegmentLine } from '../../core/site/segment.ts';
import type { Account } from '../../local/account.ts';
import { type Met, type Observe, type Standing, served } from '../../local/witness.ts';
import { seenFrom, storedFrom, VALUE_KEY } from './value.ts';

/** Sees what happens to sites in the simulated KeyValueStore. */
export const observeSites: Observe = (account, witness) => {
  const { kvs, cloudwatch, sites } = account;
  const releases = new Set<string>();
  kvs.onWrite = ({ name, before, after, replaced, isConditional }) => {
    const [from, to] = [before, after].map((pairs) => storedFrom(pairs.get(VALUE_KEY) ?? ''));
    if (before.get(VALUE_KEY) === after.get(VALUE_KEY)) return;
    for (const stored of [from, to])
      for (const release of [stored?.s, stored?.c])
        if (release !== undefined) releases.add(`${name} ${release}`);
    witness.wrote({
      key: keyOf(account, name),
      before: from === undefined ? NOTHING : standing(from),
      after: to === undefined ? undefined : standing(to),
      by: to?.f === from?.f ? undefined : tokenFrom(to?.f),
      ...{ replaced, isConditional },
    });
  };
  const { operations } = kvs;
  const get = operations.GetKeyCommand;
  operations.GetKeyCommand = (input) => {
    const name = kvs.helpers.nameOf(input.KvsARN);
    const done =
      input.Key === VALUE_KEY && name !== undefined ? witness.looking(keyOf(account, name)) : () => {};
    const answer = get(input);
    done();
    return answer;
  };
  account.requests.heard = ({ url, headers }) => {
    // Who has a tester's cookie is no visitor.
    const [, release] = TRIED.exec(headers.get('cookie') ?? '') ?? [];
    if (release === undefined) return;
    for (const [site] of sites) {
      const owner = ownerFrom(kvs.helpers.value(site, OWNER_KEY) ?? '');
      if ('url' in owner && url.startsWith(`${owner.url}/`))
        witness.called(served(keyOf(account, site), release));
    }
  };
  const count = cloudwatch.visits.bind(cloudwatch);
  cloudwatch.visits = (visits) => {
    const { site, release, ...runs } = visits;
    witness.counted(served(keyOf(account, site), release), {
      ...{ functionName: site, alias: '', version: release },
      ...runs,
    });
    count(visits);
  };
  return {
    met() {
      const met: Record<string, Met> = {};
      for (const [site, { tally }] of sites)
        for (const [release, { requests, faults, weather, counted }] of Object.entries(tally)) {
          const key = served(keyOf(account, site), release);
          const before = met[key] ?? { requests: 0, failed: 0, counted: 0 };
          met[key] = {
            requests: before.requests + requests,
            failed: before.failed + faults - weather,
            counted: before.counted + counted,
          };
        }
      return met;
    },
    artifacts: () =>
      Object.fromEntries(
        [...releases].map((each) => {
          const [site = '', release = ''] = each.split(' ');
          return [served(keyOf(account, site), release), `site ${each}`];
        }),
      ),
  };
};

/** The release that a tester's cookie names. */
const TRIED = /(?:^|; )__Host-spillway-try=([^~;]+)~/;

/** How a target that is this site is named. */
const keyOf = ({ account }: Account, site: string) => `aws:${account}:global:cloudfront/${site}`;

/** A site that leads nobody. */
const NOTHING: Standing = { primary: NOBODY, weights: {} };

function standing(stored: NonNullable<ReturnType<typeof storedFrom>>): Standing {
  const { primary, weights } = seenFrom(stored, '');
  const lines = Array.isArray(stored.g) ? (stored.g as SegmentLine[]) : [];
  const segments = Object.fromEntries(lines.map(([, , , weight, name = '']) => [name, weight / 100]));
  return { primary, weights, ...(lines.length === 0 ? {} : { segments }) };
}
