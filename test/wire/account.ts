import type { Intercept } from '../../local/simulate.ts';

const REGION = 'eu-west-1' as const;

/** @throws Error where the tests were not started as they must be */
function setting(name: 'WIRE_PROGRAM' | 'WIRE_FRONT'): string {
  const url = process.env[name];
  if (url === undefined) throw new Error(`${name} is not set; start these tests with npm run test:wire.`);
  return url;
}

/** Each file of tests runs in a thread of its own, so the first half of a number is drawn once for it. */
const thread = 100_000 + Math.floor(Math.random() * 899_999);
let accounts = 0;

/** An account that nobody used before: the program takes twelve digits as access key for the account of that number. */
export function freshAccount(): Account {
  accounts += 1;
  return accountOf(`${thread}${String(accounts).padStart(6, '0')}`);
}

export type Account = ReturnType<typeof accountOf>;

/** An account by its number, for what names that number itself. */
export function accountOf(id: string) {
  /** What a client of the SDK is made with. */
  const config = {
    region: REGION,
    endpoint: setting('WIRE_PROGRAM'),
    credentials: { accessKeyId: id, secretAccessKey: 'unused' },
    forcePathStyle: true,
    maxAttempts: 1,
  };
  return {
    id,
    region: REGION,
    config,
    /** The same through the corrections, for services that the program gets wrong. */
    corrected: { ...config, endpoint: setting('WIRE_FRONT') },
  };
}

interface Interceptable {
  middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<{ response: unknown; output: object }>,
        context: { commandName?: string },
      ) => (args: { input: object }) => Promise<{ response: unknown; output: never }>,
      options: { step: 'initialize'; priority: 'low'; name: string },
    ): void;
  };
}

/** Stands around the calls of a real client as `attach` does around those of a simulated one. */
export function around<Client>(client: Client, intercept: Intercept | undefined): Client {
  if (intercept === undefined) return client;
  (client as Interceptable).middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const output = await intercept(commandName, args.input, async () => (await next(args)).output);
        return { response: {}, output: output as never };
      },
    { step: 'initialize', priority: 'low', name: 'intercepted' },
  );
  return client;
}
