import type { Call, Given, Options } from './call.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** What a command was given, by its call. */
export type GivenTo<C extends Call> = Given<C['options']>;

/** How a command of the command line is called. */
function call<const O extends Options>(name: string, rest: Omit<Call<O>, 'name'>): Call<O> {
  return { name: `spillway ${name}`, ...rest };
}

const JSON_LINE = { does: 'prints the answer, or what is wrong, as one line of JSON' } as const;

const PLACE = {
  environment: {
    value: 'NAME',
    does: 'the controller of this environment, in the AWS account and region of the present profile; without it, SPILLWAY_ENVIRONMENT, or "environment" in spillway.json of this repository',
  },
  local: { does: 'the controller of "npm run dev" on this machine' },
} as const;
/** Options of every command that talks to a controller. */
const WHERE = { ...PLACE, json: JSON_LINE } as const;
/** What can be asked of every command that talks to a controller. */
export type Where = { environment?: string; local?: true };

const BY = {
  by: {
    value: 'NAME',
    does: 'who gives the command, if the API does not prove it (--direct, or if its address cannot be looked up); without it, GITHUB_ACTOR or the user of this machine',
  },
  ...WHERE,
} as const;
const GATE = { gate: { value: 'PERCENT', isRequired: true, does: '50 is the gate before 50 %' } } as const;
const REASON = { reason: { value: 'TEXT', does: 'why, for readers of the journal' } } as const;
const YES = { yes: { does: 'asks nobody; what is no terminal must say so' } } as const;

const outcomes = Object.entries(EXIT_CODES)
  .map(([outcome, code]) => `${code} ${outcome}`)
  .join(', ');

/** Writes a first rollout file. */
export const INIT = call('init', {
  does: 'writes a first rollout file, which is valid and which editors complete; asks for what is not given, and replaces no file',
  takes: ['[FILE]'],
  options: {
    service: { value: 'NAME', does: 'what goes out together, such as checkout-api' },
    lambda: { value: 'FUNCTION', does: 'the Lambda function whose alias callers use' },
    alias: { value: 'NAME', does: 'that alias; without it, live' },
    site: { value: 'STORE', does: 'the KeyValueStore of a site, in place of a function' },
    health: { value: 'PATH', does: 'a path that must answer with 200 before any traffic, such as /health' },
    json: JSON_LINE,
  },
});

/** Checks a rollout file. */
export const VALIDATE = call('validate', {
  does: 'checks a rollout file and says what it would do; exit code 1 if it is refused',
  takes: ['FILE'],
  options: { json: { does: 'prints what it would do, or why it is refused, as one line of JSON' } },
});

const TRAFFIC = {
  'requests-per-second': {
    value: 'N',
    isRequired: true,
    does: 'requests that the service gets each second, such as 20',
  },
  'error-rate': {
    value: 'PERCENT',
    isRequired: true,
    does: 'how many of its requests fail now, with the sign: 0.1% is one in 1,000',
  },
} as const;

/** Says what a rollout file can see. */
export const PLAN = call('plan', {
  does: 'says what each step of a rollout file can detect at this traffic; exit code 1 if none of them can detect anything',
  takes: ['FILE'],
  options: {
    ...TRAFFIC,
    verbose: { does: 'says of each step what it sees, and what would see more' },
    json: JSON_LINE,
  },
});

/** Plays releases by a rollout file. */
export const REHEARSE = call('rehearse', {
  does: 'plays whole rollouts of good and of bad releases by a rollout file at this traffic, and says what would be caught, when, after how many failed requests, and how often a good release would be stopped',
  takes: ['FILE'],
  options: {
    ...TRAFFIC,
    runs: { value: 'N', does: 'releases of each kind; without it, 200' },
    seed: { value: 'N', does: 'the dice; the same seed gives the same table; without it, 1' },
    html: { value: 'FILE.html', does: 'writes the table as a page, too' },
    json: JSON_LINE,
  },
});

/** Uploads a release. */
export const RELEASE = call('release', {
  does: 'uploads a release: for each target of the rollout file a version that is published already, a zip, or the folder of a site',
  takes: ['FILE'],
  options: {
    version: { value: 'TARGET=N', isMany: true, does: 'the version that is published already' },
    zip: { value: 'TARGET=PATH', isMany: true, does: 'the code, which Spillway publishes' },
    site: { value: 'TARGET=DIR', isMany: true, does: 'the folder that a site was built to' },
    assets: {
      value: 'HOW',
      oneOf: ['shared', 'per-release'],
      does: 'with --site: "shared" is what bundlers make, where releases share files with a hash in their name; "per-release" if it was built for paths under /_r/ID/; without it, shared',
    },
    'allow-missing': {
      does: 'with --site: also if pages need files that are neither in the folder nor in the bucket, because something else serves them',
    },
    'no-rollout': {
      does: 'with --site: uploads the files, and asks for no rollout; for the first release of a site',
    },
    release: { value: 'ID', does: 'its name, or a whole commit hash; without it, the time' },
    order: {
      value: 'N',
      does: 'its place among the releases of the service; without it, after the newest',
    },
    commit: { value: 'SHA', does: 'the commit that it was made of, for readers of the journal' },
    author: { value: 'NAME', does: 'who made it, for readers of the journal' },
    'allow-older': { does: 'also if a newer release completed already' },
    wait: { does: `follows the rollout to its end; the exit code is its outcome: ${outcomes}` },
    verbose: { does: 'with --wait, prints the statistics below each verdict' },
    ...PLACE,
    json: { does: 'prints what came of it as JSON; with --wait, a line for each event and one at the end' },
  },
});

/** Leads a browser to a release of a site. */
export const TRY = call('try', {
  does: 'prints the signed cookie by which a browser gets a release of a site, whatever its weight; SITE is the name of its KeyValueStore',
  takes: ['SITE', 'RELEASE'],
  options: {
    for: { value: 'TIME', does: 'how long it works, from 1m to 12h; without it, 1h' },
    ...WHERE,
  },
});

/** Removes old releases of a site. */
export const PRUNE = call('prune', {
  does: 'removes the files of old releases of a site that nothing can need any more; says which, and asks first',
  takes: ['SITE'],
  options: {
    keep: { value: 'N', does: 'also the newest N releases stay; without it, 10' },
    days: {
      value: 'N',
      does: 'only what was uploaded before that many days goes, for pages that are open for long; without it, 30',
    },
    'dry-run': { does: 'says what would go, and removes nothing' },
    ...YES,
    ...WHERE,
  },
});

/** Says what is under way. */
export const STATUS = call('status', {
  does: 'says what is under way, or all about one rollout',
  takes: ['[ROLLOUT]'],
  options: {
    json: { does: 'prints the same as one line of JSON' },
    verbose: { does: 'prints the statistics below each verdict' },
    ...PLACE,
  },
});

/** Follows a rollout. */
export const WATCH = call('watch', {
  does: `follows a rollout to its end, also through a network that fails for minutes; the exit code is its outcome: ${outcomes}`,
  takes: ['ROLLOUT'],
  options: {
    json: { does: 'prints a line of JSON for each event, and one with the outcome at the end' },
    verbose: { does: 'prints the statistics below each verdict' },
    ...PLACE,
  },
});

/** Lists the rollouts of a service. */
export const HISTORY = call('history', {
  does: 'lists the rollouts of a service, the newest first',
  takes: ['SERVICE'],
  options: { limit: { value: 'N', does: 'how many, at most 100; without it, 20' }, ...WHERE },
});

/** Says why a rollout stands as it does. */
export const EXPLAIN = call('explain', {
  does: 'says why a rollout ended as it did, or stands as it does: what decided, by which counts, and what was ruled out',
  takes: ['ROLLOUT'],
  options: WHERE,
});

/** Makes a link. */
export const LINK = call('link', {
  does: 'makes an address that shows a rollout, or pauses or aborts it once its button is pressed, for somebody who cannot sign in; it works once, until it expires',
  takes: ['ROLLOUT', 'view|pause|abort'],
  options: WHERE,
});

/** Opens a rollout in the browser. */
export const OPEN = call('open', {
  does: 'makes a link that only shows a rollout, and opens it in the browser',
  takes: ['ROLLOUT'],
  options: WHERE,
});

/** Writes the page of a rollout. */
export const REPORT = call('report', {
  does: 'writes the story of a rollout as a page, with a picture of each metric',
  takes: ['ROLLOUT', 'FILE.html'],
  options: WHERE,
});

/** Reverts a rollout. */
export const ABORT = call('abort', {
  does: 'reverts a rollout at once, and asks nobody first',
  takes: ['ROLLOUT'],
  options: {
    ...REASON,
    direct: {
      does: 'without the controller, by the rights of the present AWS profile: for when it is down',
    },
    ...BY,
  },
});

const named = (name: string, does: string) => call(name, { does, takes: ['ROLLOUT'], options: BY });

/** Holds the weight. */
export const PAUSE = call('pause', {
  does: 'pauses at the current weight; analysis continues',
  takes: ['ROLLOUT'],
  options: { ...REASON, ...BY },
});
/** Ends a pause. */
export const RESUME = named('resume', 'ends a pause');
/** Tries a reverted release again. */
export const RETRY = named('retry', 'lifts the quarantine of a release and tries it again');
/** Keeps a page from being repeated. */
export const ACKNOWLEDGE = named(
  'acknowledge',
  'keeps what somebody is paged for from being repeated; it changes nothing of the rollout',
);
/** Goes back from a completed release. */
export const ROLLBACK = call('rollback', {
  does: 'reverts a completed release to the newest older one that was good, in one write; asks first',
  takes: ['ROLLOUT'],
  options: { ...REASON, ...YES, ...BY },
});

/** Goes past the present step. */
export const PROMOTE = call('promote', {
  does: 'skips to the next step without waiting for evidence',
  takes: ['ROLLOUT'],
  options: {
    full: { does: 'promotes to 100 % instead; asks first' },
    step: { value: 'N', does: 'only if the rollout is on this step of the plan; the first is 1' },
    ...YES,
    ...BY,
  },
});

/** Approves a gate. */
export const APPROVE = call('approve', {
  does: 'approves the gate before a weight',
  takes: ['ROLLOUT'],
  options: { ...GATE, ...BY },
});

/** Rejects a gate. */
export const REJECT = call('reject', {
  does: 'rejects the gate before a weight: pauses the rollout, or reverts it if its file says so',
  takes: ['ROLLOUT'],
  options: { ...GATE, ...REASON, ...BY },
});

/** Prints what a shell completes words with. */
export const COMPLETION = call('completion', {
  does: 'prints what makes bash, zsh or fish complete the words of this command line',
  takes: ['bash|zsh|fish'],
  options: {},
});
