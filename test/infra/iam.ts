/** One question to IAM: may this be done to that, whose tags are these. */
export interface Question {
  action: string;
  resource: string;
  /** Condition keys and their values, such as `aws:ResourceTag/spillway:service`. */
  context?: Record<string, string>;
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** A policy document as IAM reads it. */
export interface Document {
  Version: string;
  Statement: Statement[];
}

/** True if a statement allows and none denies. @throws Error for an operator that is not known here */
export function isAllowed({ Statement }: Document, question: Question): boolean {
  const meant = Statement.filter((statement) => isMeant(statement, question));
  return meant.some(({ Effect }) => Effect === 'Allow') && meant.every(({ Effect }) => Effect === 'Allow');
}

function isMeant({ Action, Resource, Condition = {} }: Statement, question: Question): boolean {
  return (
    [Action].flat().some((pattern) => matches(pattern.toLowerCase(), question.action.toLowerCase())) &&
    [Resource].flat().some((pattern) => matches(pattern, question.resource)) &&
    Object.entries(Condition).every(([operator, keys]) => holds(operator, keys, question.context ?? {}))
  );
}

function holds(
  operator: string,
  keys: Record<string, string | string[]>,
  context: Record<string, string>,
): boolean {
  return Object.entries(keys).every(([key, wanted]) => {
    const found = context[key];
    const values = [wanted].flat();
    if (operator === 'Null') return values.includes(String(found === undefined));
    if (operator === 'ForAllValues:StringLike')
      return found === undefined || values.some((pattern) => matches(pattern, found));
    if (operator === 'StringEquals' || operator === 'Bool')
      return found !== undefined && values.includes(found);
    throw new Error(`The operator ${operator} is not known here.`);
  });
}

/** IAM's `*` stands for any characters and `?` for one. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${escaped}$`, 's').test(text);
}
