import type { FunctionName } from './facts.ts';
import { type Place, prefixOf } from './place.ts';
import type { Settings } from './settings.ts';

/**
 * The address of a function, for whoever signs with credentials of AWS or for everybody. It is a plain resource: the component's own
 * address is everybody's, and answers pages of any origin, unless it is told otherwise. This one answers no page of another origin.
 */
export function addressOf(
  name: FunctionName,
  { nodes }: sst.aws.Function,
  place: Place,
  authorizationType: 'AWS_IAM' | 'NONE',
): $util.Output<string> {
  const functionName = `${prefixOf(place)}-${name}`;
  // The component is there before its function is.
  const options = { dependsOn: [nodes.function] };
  const url = new aws.lambda.FunctionUrl(`${name}Url`, { functionName, authorizationType }, options);
  if (authorizationType === 'NONE') {
    // Lambda asks for both (its developer guide, "Control access to Lambda function URLs"); the second lets nobody call it otherwise.
    const anybody = { function: functionName, principal: '*' };
    new aws.lambda.Permission(
      `${name}UrlForAnybody`,
      { ...anybody, action: 'lambda:InvokeFunctionUrl', functionUrlAuthType: 'NONE' },
      options,
    );
    new aws.lambda.Permission(
      `${name}ByUrlForAnybody`,
      { ...anybody, action: 'lambda:InvokeFunction', invokedViaFunctionUrl: true },
      options,
    );
  }
  return url.functionUrl.apply((address) => address.replace(/\/$/, ''));
}

/** The address of the public API, which is the deployer's own where the settings say one; undefined if they want none. */
export function publicAddress(
  name: FunctionName,
  made: sst.aws.Function,
  place: Place,
  { publicApi }: Settings,
): $util.Input<string> | undefined {
  if (publicApi === false) return undefined;
  const address = addressOf(name, made, place, 'NONE');
  return publicApi === true ? address : publicApi;
}
