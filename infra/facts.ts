import table from './controller.json' with { type: 'json' };

/** A function of the controller. */
export type FunctionName = keyof typeof table.functions;

/** A rule of EventBridge. */
export type RuleName = keyof typeof table.rules;

/**
 * What may call a function: the state machine, the journal's stream, the watchdog's schedules, those of reports, people and pipelines,
 * whoever signs a request to its address with credentials of AWS, anybody who knows its address, a rule, or a function.
 */
export type Starter =
  | 'machine'
  | 'journal'
  | 'scheduler'
  | 'agenda'
  | 'people'
  | 'url-iam'
  | 'url-public'
  | RuleName
  | FunctionName;

/** What `controller.json` says of one function; everything reads it there. */
export interface FunctionFacts {
  /** Nobody else is allowed to call it. */
  startedBy: readonly Starter[];
  /** After which Lambda ends it. Opening reads zips and asks for each target in turn, and the caller of an opening waits for it. */
  seconds: number;
  /** Processor time comes with memory, which neither an abort nor a tick of many windows (`npm run bench -- tick`) is to wait for. */
  megabytes: number;
  /** Concurrent executions that are kept for it, and are its most, if the account has room for all of them. */
  reserved?: number;
  /** How long an event is tried again before it becomes a dead letter; only if nobody waits for the answer. */
  triedForSeconds?: number;
  /** While it is silent, a bad canary stays in front of users. */
  isOnRevertPath?: boolean;
}

/** The functions of the controller. */
export const FUNCTIONS = Object.keys(table.functions) as FunctionName[];

/** The rules of EventBridge. */
export const RULES = Object.keys(table.rules) as RuleName[];

/** What is said of one function. */
export function factsOf(name: FunctionName): FunctionFacts {
  return (table.functions as Record<FunctionName, FunctionFacts>)[name];
}

/** The functions that this starter may call. */
export function startedBy(starter: Starter): FunctionName[] {
  return FUNCTIONS.filter((name) => factsOf(name).startedBy.includes(starter));
}

/** The functions that nobody waits for: what they could not do goes to their dead letters. */
export const ASYNCHRONOUS = FUNCTIONS.filter((name) => factsOf(name).triedForSeconds !== undefined);

/** What Lambda keeps for all functions without a reservation (Lambda developer guide, "Configuring reserved concurrency"). */
const UNRESERVED_MIN = 100;

/** The reserved concurrency of a function in an account with this limit; undefined if it has none, or the limit leaves no room for all of them. */
export function reservedFor(name: FunctionName, accountConcurrency: number): number | undefined {
  return accountConcurrency < accountNeededFor() ? undefined : factsOf(name).reserved;
}

/** The least limit of an account in which there is room for every reservation. */
export const accountNeededFor = (): number =>
  UNRESERVED_MIN + FUNCTIONS.reduce((sum, each) => sum + (factsOf(each).reserved ?? 0), 0);

/** The name of the file of a function, without its ending: `ShiftTraffic` is in `functions/shift-traffic.ts`. */
export const fileOf = (name: string): string => name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase();

/** An event pattern (EventBridge user guide, "Event patterns"). */
interface EventPattern {
  [field: string]: EventPattern | readonly unknown[];
}

/** What a rule is for, in a sentence. */
export const saysOf = (rule: RuleName): string => table.rules[rule].says;

/** What a rule listens for, in the controller of this environment, with this bucket of releases and this state machine. */
export function patternOf(
  rule: RuleName,
  controller: { bucket: string; environment: string; machine: string },
): EventPattern {
  return JSON.parse(JSON.stringify(table.rules[rule].pattern), (_, value) => {
    const [, name] = /^\$\{(\w+)\}$/.exec(value) ?? [];
    return name === undefined ? value : controller[name as keyof typeof controller];
  }) as EventPattern;
}
