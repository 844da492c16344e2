import type { UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { NOBODY } from '../../core/rollout/revert-plan.ts';
import { type Account, ALIAS } from '../../local/account.ts';
import { type Met, type Observe, type Standing, served, type Witness } from '../../local/witness.ts';
import { describedBy } from './led.ts';
import { pinNameOf } from './pin.ts';

/** Sees what happens to aliases in the simulated Lambda. Traffic that is counted calls the alias of the world. */
export const observeAliases: Observe = (account, witness) => {
  const { lambda, traffics } = account;
  seeWrites(account, witness);
  seeLooks(account, witness);
  const of = (functionName = '', version = '') => served(keyOf(account, functionName, ALIAS), version);
  const operations = lambda.operations;
  const remove = operations.DeleteFunctionCommand;
  operations.DeleteFunctionCommand = async (input) => {
    const deleted = witness.deleting(of(input.FunctionName, input.Qualifier));
    const answer = await remove(input);
    deleted();
    return answer;
  };
  const { removeAlias } = lambda.helpers;
  lambda.helpers.removeAlias = (name, alias) => {
    const isRemoved = removeAlias(name, alias);
    if (isRemoved && alias === pinNameOf(ALIAS)) witness.unpinned(keyOf(account, name, ALIAS));
    return isRemoved;
  };
  // As they are made, so that a call that hangs is among them.
  const invoke = operations.InvokeCommand;
  operations.InvokeCommand = (input) => {
    if (/^\d+$/.test(input.Qualifier ?? '')) witness.called(of(input.FunctionName, input.Qualifier));
    return invoke(input);
  };
  const { cloudwatch } = account;
  const count = cloudwatch.invocations.bind(cloudwatch);
  cloudwatch.invocations = (runs) => {
    witness.counted(of(runs.functionName, runs.version), runs);
    count(runs);
  };
  return {
    met() {
      const met: Record<string, Met> = {};
      for (const [functionName, { tally }] of traffics)
        for (const [version, { requests, faults, weather, counted }] of Object.entries(tally))
          met[of(functionName, version)] = { requests, failed: faults - weather, counted };
      return met;
    },
    artifacts: () =>
      Object.fromEntries(
        [...lambda.artifacts].map(([version, artifact]) => {
          const [functionName, number] = version.split(':');
          return [of(functionName, number), artifact];
        }),
      ),
  };
};

/** How a target that is this alias is named. */
const keyOf = ({ account, region }: Account, functionName = '', alias = '') =>
  `aws:${account}:${region}:lambda-alias/${functionName}/${alias}`;

/** Stands where every caller passes, so that what Step Functions writes by itself is seen too. */
function seeWrites(account: Account, { wrote }: Witness): void {
  const { lambda } = account;
  const operations = lambda.operations as unknown as Record<string, (input: never) => object>;
  for (const command of ['CreateAliasCommand', 'UpdateAliasCommand', 'DeleteAliasCommand']) {
    const call = operations[command];
    if (call === undefined) throw new Error(`${command} is not simulated, so it cannot be seen.`);
    operations[command] = (input: never) => {
      const {
        FunctionName = '',
        Name = '',
        Description,
        RevisionId,
      }: Partial<UpdateAliasCommandInput> = input;
      const look = () => {
        try {
          return lambda.helpers.routing(FunctionName, Name);
        } catch {
          return undefined;
        }
      };
      const before = look();
      // The effect stands before the answer does, so nobody can come between the two looks.
      const answer = call(input);
      const after = look();
      // A pin that is made serves nobody.
      const isPin = before === undefined && Name.startsWith(pinNameOf(''));
      if (before?.revisionId !== after?.revisionId && !isPin)
        wrote({
          key: keyOf(account, FunctionName, Name),
          before: standing(before ?? NOTHING),
          replaced: before?.revisionId,
          after: after && standing(after),
          by: describedBy(Description).token,
          isConditional: RevisionId !== undefined,
        });
      return answer;
    };
  }
}

/** An alias that does not exist yet. */
const NOTHING: Standing = { primary: NOBODY, weights: {} };

const standing = ({ primary, weights }: Standing): Standing => ({ primary, weights });

function seeLooks(account: Account, { looking }: Witness): void {
  const { operations, helpers } = account.lambda;
  const call = operations.GetAliasCommand;
  const looked = async (input: Parameters<typeof call>[0]) => {
    const done = looking(keyOf(account, input.FunctionName, input.Name));
    const answer = await call(input);
    done(helpers.isLagging() ? answer.RevisionId : undefined);
    return answer;
  };
  // What is metered answers later than its type says.
  operations.GetAliasCommand = looked as unknown as typeof call;
}
