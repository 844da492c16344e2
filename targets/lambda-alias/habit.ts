import { plainText } from '../../core/plain-text.ts';
import type { Habit } from '../../core/ports.ts';

/** The tool that deploys a function, as far as its tags tell; Terraform and people leave none of their own. */
export function habitOf(tags: Record<string, string>): Habit | undefined {
  const logicalId = tags['aws:cloudformation:logical-id'];
  const shown = (...names: string[]) => plainText(names.map((name) => `${name}=${tags[name]}`).join(', '));
  // SAM puts this tag on each function (AWS SAM developer guide, "AWS::Serverless::Function", Tags).
  if (tags['lambda:createdBy'] === 'SAM')
    return {
      tool: 'AWS SAM',
      evidence: shown('lambda:createdBy'),
      fix: 'remove AutoPublishAlias and DeploymentPreference from the function',
    };
  if (tags['sst:app'] !== undefined)
    return {
      tool: 'SST',
      evidence: shown('sst:app'),
      fix: 'let RolloutTarget create the alias instead of declaring one',
    };
  if (logicalId === undefined) return undefined;
  // The Serverless Framework names its functions so, and tags its stack with the stage.
  if (logicalId.endsWith('LambdaFunction') && tags.STAGE !== undefined)
    return {
      tool: 'the Serverless Framework',
      evidence: shown('aws:cloudformation:logical-id', 'STAGE'),
      fix: 'remove deploymentSettings and the plugins that move aliases',
    };
  // CDK ends each logical id with eight hexadecimal digits of a hash (AWS CDK developer guide, "Identifiers").
  if (/[0-9A-F]{8}$/.test(logicalId))
    return {
      tool: 'AWS CDK',
      evidence: shown('aws:cloudformation:logical-id'),
      fix: 'give the Alias a fixed version instead of currentVersion, and remove LambdaDeploymentGroup',
    };
  return {
    tool: 'CloudFormation',
    evidence: shown('aws:cloudformation:logical-id'),
    fix: 'give the AWS::Lambda::Alias a fixed FunctionVersion, and remove its UpdatePolicy',
  };
}
