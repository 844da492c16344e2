import type { Intercept } from '../sdk.ts';
import type { WebServer } from '../web-server.ts';

/** What stands in the simulated Secrets Manager and Parameter Store, by name. */
export interface SimulatedSecrets {
  secrets: Map<string, string>;
  parameters: Map<string, string>;
}

interface Known {
  target: string;
  command: string;
  fields: string[];
  answer(input: Record<string, unknown>): object | undefined;
  /** The error of a name that is not there. */
  missing: string;
}

/** Servers that answer the one call of each service by its wire format (JSON 1.1), for a host each. Requests without a signature are refused, as AWS refuses them; the signature itself is not checked. */
export function secretServers(
  { secrets, parameters }: SimulatedSecrets,
  region: string,
  intercept: Intercept = (_command, _input, call) => call(),
): Record<string, WebServer> {
  return {
    [`secretsmanager.${region}.amazonaws.com`]: serverOf(
      {
        target: 'secretsmanager.GetSecretValue',
        command: 'GetSecretValueCommand',
        fields: ['SecretId'],
        missing: 'ResourceNotFoundException',
        answer({ SecretId }) {
          const SecretString = secrets.get(String(SecretId));
          return SecretString === undefined
            ? undefined
            : { Name: SecretId, SecretString, VersionStages: ['AWSCURRENT'] };
        },
      },
      intercept,
    ),
    [`ssm.${region}.amazonaws.com`]: serverOf(
      {
        target: 'AmazonSSM.GetParameter',
        command: 'GetParameterCommand',
        fields: ['Name', 'WithDecryption'],
        missing: 'ParameterNotFound',
        answer({ Name, WithDecryption }) {
          const Value = parameters.get(String(Name));
          if (WithDecryption !== true) throw new Error('Only decrypted parameters are simulated.');
          return Value === undefined ? undefined : { Parameter: { Name, Type: 'SecureString', Value } };
        },
      },
      intercept,
    ),
  };
}

function serverOf({ target, command, fields, answer, missing }: Known, intercept: Intercept): WebServer {
  return async (request) => {
    if (!/^AWS4-HMAC-SHA256 Credential=/.test(request.headers.get('authorization') ?? ''))
      return refused('MissingAuthenticationTokenException');
    const asked = request.headers.get('x-amz-target');
    if (asked !== target) throw new Error(`${asked} is not simulated.`);
    const input = (await request.json()) as Record<string, unknown>;
    const strange = Object.keys(input).find((key) => !fields.includes(key));
    if (strange !== undefined) throw new Error(`${target} with ${strange} is not simulated.`);
    const found = await intercept(command, input, async () => answer(input) ?? {});
    return Object.keys(found).length === 0 ? refused(missing) : Response.json(found);
  };
}

const refused = (__type: string) => Response.json({ __type }, { status: 400 });
