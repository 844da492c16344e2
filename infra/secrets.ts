import type { FunctionName } from './facts.ts';
import type { Settings } from './settings.ts';

/** One secret of a stage: `sst secret set` takes it, and the deployment puts it into Secrets Manager for the functions that read it. */
interface Secret {
  /** True if something in the settings makes it necessary. */
  isNeeded(settings: Settings): boolean;
  /** What it must be, and a command that makes one. */
  isGood(value: string): boolean;
  must: string;
  made: string;
}

const routesOf = ({ access }: Settings) => Object.values(access.notify).flat();

/** The secrets by their names. */
export const SECRETS = {
  HookSecret: {
    isNeeded: ({ hookHosts }) => hookHosts.length > 0,
    // 32 characters in hexadecimal are 128 bits.
    isGood: (value) => value.length >= 32,
    must: 'needs 32 characters or more',
    made: '"$(openssl rand -hex 32)"',
  },
  PeopleKeys: {
    // What the API knows of who gives a command, Abort and Command believe for its signature alone.
    isNeeded: () => true,
    isGood: isKeys,
    must: 'must be keys of at least 32 bytes in hexadecimal, and say which of them is current',
    made: `"{\\"current\\":\\"k1\\",\\"keys\\":{\\"k1\\":\\"$(openssl rand -hex 32)\\"}}"`,
  },
  OidcClientSecret: {
    isNeeded: ({ access }) => access.oidc !== undefined,
    isGood: (value) => value !== '' && value.trim() === value,
    must: 'must be the client secret of the provider as it is',
    made: '"..."',
  },
  SlackSigningSecret: {
    isNeeded: ({ access }) => access.slack !== undefined,
    isGood: (value) => /^[0-9a-f]{32}$/.test(value),
    must: 'must be the signing secret of the Slack app, 32 digits in hexadecimal (Basic Information)',
    made: '"..."',
  },
  SlackToken: {
    isNeeded: (settings) => routesOf(settings).some((route) => 'slack' in route),
    isGood: (value) => value.startsWith('xoxb-') || value.startsWith('https://hooks.slack.com/'),
    must: 'must be the bot token of the Slack app, which begins with xoxb- (OAuth & Permissions), or the address of an incoming webhook, which begins with https://hooks.slack.com/',
    made: '"xoxb-..."',
  },
  WebhookKey: {
    isNeeded: (settings) => routesOf(settings).some((route) => 'webhook' in route),
    isGood: (value) => /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(value),
    must: 'must be whsec_ and at least 24 bytes in base64',
    made: '"whsec_$(openssl rand -base64 32)"',
  },
} satisfies Record<string, Secret>;

/** The name of a secret. */
export type SecretName = keyof typeof SECRETS;

/** The secrets that the settings make necessary. */
export const secretsOf = (settings: Settings): SecretName[] =>
  (Object.keys(SECRETS) as SecretName[]).filter((name) => SECRETS[name].isNeeded(settings));

/** The secrets that each function reads, and no others; a test compares them with its bundle. */
export const SECRETS_READ: { [Name in FunctionName]?: readonly SecretName[] } = {
  Abort: ['PeopleKeys'],
  ApiIam: ['PeopleKeys'],
  ApiPublic: ['OidcClientSecret', 'PeopleKeys', 'SlackSigningSecret'],
  Command: ['PeopleKeys'],
  Notify: ['PeopleKeys', 'SlackToken', 'WebhookKey'],
  RevertTraffic: ['HookSecret'],
  RunHook: ['HookSecret'],
  SlackAction: ['PeopleKeys'],
};

/** @throws Error if a secret would protect nothing; it says what it must be and how it is set, and nothing of the secret */
export function assertSecret(name: SecretName, value: string): string {
  const { isGood, must, made } = SECRETS[name];
  if (isGood(value)) return value;
  throw new Error(
    `The secret ${name} has ${value.length} characters, and ${must}: sst secret set ${name} ${made}.`,
  );
}

/** Keys of tokens by their ids: `{"current": "k1", "keys": {"k1": "<hex>"}}`. */
function isKeys(value: string): boolean {
  try {
    const { current, keys } = JSON.parse(value) as { current: string; keys: Record<string, string> };
    const isKey = (key: unknown) => typeof key === 'string' && /^(?:[0-9a-f]{2}){32,}$/i.test(key);
    return Object.hasOwn(keys, current) && Object.values(keys).every(isKey);
  } catch {
    return false;
  }
}
