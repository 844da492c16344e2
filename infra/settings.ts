import { type Access, NO_ACCESS } from '../core/people/access.ts';
import { accessFrom } from '../core/people/settings.ts';
import { accountNeededFor, reservedFor } from './facts.ts';

/** What the deployer of one stage chose; every field may be left out in `stages.json`. */
export interface Settings {
  /** Hosts that HTTP hooks may be on, with their port if it is not 443. */
  hookHosts: string[];
  /** The account's limit of concurrent executions in this region (Service Quotas, "Concurrent executions"). */
  accountConcurrency: number;
  /** Where the controller's own alarms are mailed to; nobody is notified if it is empty. */
  alarmEmail: string;
  /** The bucket in which the controllers of several environments tell each other what completed; none if it is empty. */
  completionsBucket: string;
  /** Buckets of sites, which the controller may read; without one it may touch no site. */
  siteBuckets: string[];
  /** Days that logs are kept; one of those that CloudWatch knows. */
  logDays: number;
  /** Who people are, what they may do, and where rollouts are reported; without it whoever IAM lets call the API may do everything, and nobody else anything. */
  access: Access;
  /** The address at which browsers and Slack reach the API, or true for the one that Lambda gives it; false if only callers with credentials of AWS reach it. */
  publicApi: boolean | string;
}

/** What holds if `stages.json` says nothing. A new account may run 10 executions at once (Lambda quotas). */
const DEFAULTS: Settings = {
  hookHosts: [],
  accountConcurrency: 10,
  alarmEmail: '',
  completionsBucket: '',
  siteBuckets: [],
  logDays: 30,
  access: NO_ACCESS,
  publicApi: false,
};

/** Days that CloudWatch can keep a log (CloudWatch Logs API reference, PutRetentionPolicy); longer ones are left out. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731];

/** Names of buckets (S3 user guide, "General purpose bucket naming rules"). */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** The stage that is protected and kept; every other one can be removed without a trace. */
const PRODUCTION = 'production';

/** Names that people give to the stage that ours calls `production`, and that would leave it unprotected. */
const ALMOST_PRODUCTION = ['prod', 'prd', 'live', 'main', 'master'];

/** How long a name may be depends on the region too: `assertFits`. @throws Error naming what is wrong with a stage's name, and the fix */
export function assertStage(stage: string): void {
  const says = (what: string) => new Error(`The stage "${stage}" ${what}.`);
  if (!/^[a-z][a-z0-9-]*$/.test(stage))
    throw says('is part of names on AWS: use small letters, digits and dashes, beginning with a letter');
  if (ALMOST_PRODUCTION.includes(stage))
    throw says(
      `would be neither protected nor kept, which only "${PRODUCTION}" is; deploy with --stage ${PRODUCTION}, or take another name`,
    );
}

/** The settings of a stage, of what `stages.json` says. @throws Error naming the field and the fix */
export function settingsOf(stage: string, stages: Record<string, unknown>): Settings {
  // Settings under a name that no stage can have would be settings that nobody gets.
  for (const name of Object.keys(stages)) assertStage(name);
  const given = (stages[stage] ?? {}) as Record<string, unknown>;
  const wrong = (field: string, what: string) => new Error(`infra/stages.json: ${stage}.${field} ${what}.`);
  const unknown = Object.keys(given).find((field) => !(field in DEFAULTS));
  if (unknown !== undefined)
    throw wrong(unknown, `is no setting; there are ${Object.keys(DEFAULTS).join(', ')}`);
  const { hookHosts, accountConcurrency, alarmEmail, completionsBucket, siteBuckets, logDays, publicApi } = {
    ...DEFAULTS,
    ...given,
  } as Settings;
  if (!Array.isArray(hookHosts) || !hookHosts.every(isHost))
    throw wrong(
      'hookHosts',
      'must be a list of hosts such as "hooks.example.com" or "hooks.example.com:8443"',
    );
  if (!Number.isInteger(accountConcurrency) || accountConcurrency < 1)
    throw wrong('accountConcurrency', "must be the account's limit of concurrent executions, such as 1000");
  if (typeof alarmEmail !== 'string' || !/^$|^[^@\s]+@[^@\s]+$/.test(alarmEmail))
    throw wrong('alarmEmail', 'must be one address, or be left out');
  if (completionsBucket !== '' && !BUCKET.test(completionsBucket))
    throw wrong('completionsBucket', 'must be the name of a bucket that exists, or be left out');
  if (!Array.isArray(siteBuckets) || siteBuckets.some((bucket) => !BUCKET.test(String(bucket))))
    throw wrong('siteBuckets', 'must be a list of names of buckets, or be left out');
  if (!LOG_DAYS.includes(logDays)) throw wrong('logDays', `must be one of ${LOG_DAYS.join(', ')}`);
  const access = accessOf(stage, given.access ?? DEFAULTS.access);
  if (typeof publicApi !== 'boolean' && !isOrigin(publicApi))
    throw wrong('publicApi', 'must be true, false, or an address such as "https://rollouts.example.com"');
  if (publicApi !== false && reservedFor('ApiPublic', accountConcurrency) === undefined)
    throw wrong(
      'publicApi',
      `lets anybody call a function, which takes the room of those that revert unless it has a limit of its own; set accountConcurrency to the account's limit, at least ${accountNeededFor()} (now ${accountConcurrency})`,
    );
  if (publicApi === false && access.slack !== undefined)
    throw wrong('access.slack', 'lets Slack call the API; set publicApi to true');
  if (typeof publicApi !== 'string' && access.oidc !== undefined)
    throw wrong(
      'access.oidc',
      'needs the address that the provider sends people back to; deploy once with publicApi: true and without it, then set publicApi to the address that the deployment prints',
    );
  const hosts = Object.values(access.notify)
    .flat()
    .flatMap((route) => ('webhook' in route ? [new URL(route.webhook).host] : []));
  const foreign = hosts.find((host) => !hookHosts.includes(host));
  if (foreign !== undefined)
    throw wrong('access.notify', `reports to ${foreign}, which must be one of hookHosts as well`);
  return {
    ...{ hookHosts, accountConcurrency, alarmEmail, completionsBucket, siteBuckets },
    ...{ logDays, access, publicApi },
  };
}

/** @throws Error with a line for each fault of what a stage says of people */
function accessOf(stage: string, given: unknown): Access {
  const { value, lines } = accessFrom(given);
  if (lines === undefined) return value;
  throw new Error([`infra/stages.json: ${stage}.access is refused:`, ...lines].join('\n'));
}

/** An address of HTTPS with nothing after the host and port. */
const isOrigin = (address: unknown) =>
  typeof address === 'string' &&
  URL.canParse(address) &&
  new URL(address).origin === address &&
  address.startsWith('https:');

const isHost = (host: unknown) =>
  typeof host === 'string' && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(host);
