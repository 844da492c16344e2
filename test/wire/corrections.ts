/** A call as it goes over the wire, body included. */
export interface Call {
  method: string;
  /** With query. */
  path: string;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

/** A call that the program answers wrongly, and the answer that AWS would give. */
interface Correction {
  what: string;
  /** What the program does instead; a test fails once it no longer does. */
  why: string;
  /** How calls are put right that go through the tests; absent if something stands in elsewhere. */
  calls?: {
    takes(call: Call): boolean;
    /** `program` sends a call, this one or another, to the program itself. */
    answer(call: Call, program: (call: Call) => Promise<Response>): Promise<Response>;
  };
}

const LIST_PROVISIONED = /^(.*\/functions\/[^/]+)\/provisioned-concurrency\?List=ALL$/;

/** What of the program is put right on the way, so that the rest can be held to what AWS does. */
export const corrections: Correction[] = [
  {
    what: 'ListProvisionedConcurrencyConfigs',
    why: 'it is answered as GetProvisionedConcurrencyConfig of the function itself: an error where there is none',
    calls: {
      takes: ({ method, path }) => method === 'GET' && LIST_PROVISIONED.test(path),
      async answer(call, program) {
        const get = (path: string) => program({ ...call, path });
        const [, fn = ''] = LIST_PROVISIONED.exec(call.path) ?? [];
        const listed = await get(`${fn.replace('2019-09-30', '2015-03-31')}/aliases`);
        if (!listed.ok) return listed;
        const { Aliases } = (await listed.json()) as { Aliases: { Name: string; AliasArn: string }[] };
        const configs = await Promise.all(
          Aliases.map(async ({ Name, AliasArn }) => {
            const found = await get(`${fn}/provisioned-concurrency?Qualifier=${Name}`);
            return found.ok ? [{ ...((await found.json()) as object), FunctionArn: AliasArn }] : [];
          }),
        );
        return Response.json({ ProvisionedConcurrencyConfigs: configs.flat() });
      },
    },
  },
  {
    what: 'TimeoutSeconds of a task that waits for its token',
    why: 'an expression is handed to the clock as text, and the state fails',
    calls: {
      takes: ({ headers }) => headers['x-amz-target'] === 'AWSStepFunctions.CreateStateMachine',
      async answer(call, program) {
        const input = JSON.parse(new TextDecoder().decode(call.body)) as { definition: string };
        const definition = JSON.parse(input.definition) as {
          States: Record<string, { TimeoutSeconds?: unknown }>;
        };
        for (const state of Object.values(definition.States))
          if (typeof state.TimeoutSeconds === 'string') state.TimeoutSeconds = HOLD_SECONDS;
        const body = JSON.stringify({ ...input, definition: JSON.stringify(definition) });
        return program({ ...call, body: new TextEncoder().encode(body) });
      },
    },
  },
  {
    what: 'version-id in events of S3',
    why: 'an object of a versioned bucket is announced without its version; relay.mjs looks it up',
  },
];

/** Short, so that a hold never lasts longer than it was asked for; what comes back early is sent to hold again. */
const HOLD_SECONDS = 5;
