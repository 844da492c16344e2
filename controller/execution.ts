import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { SEQ_MAX, tokenText } from '../core/rollout/fencing-token.ts';
import { type Directive, next } from '../core/rollout/next.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import type { Needs } from './ports.ts';

/** What every state of the machine gets back: bare values that `Assign` binds and one Choice compares. */
export interface Answer {
  kind: Directive['kind'];
  /** How long a hold lasts; 1 if the directive is another. */
  seconds: number;
  /** The version of the rollout that this answer was given for. */
  version: number;
}

/** Answers with the next directive of a rollout. */
export function answer(rollout: Rollout, { clock }: Needs<'clock'>): Answer {
  const directive = next(rollout, clock.now());
  return {
    kind: directive.kind,
    seconds: directive.kind === 'hold' ? directive.seconds : 1,
    version: rollout.version,
  };
}

/** What the execution of a rollout's present epoch is started with; an irreversible release names nothing that an error may revert. */
export function executionInput({ opening, epoch }: Rollout): ExecutionInput {
  const { rolloutId } = opening;
  const targets = opening.reversible ? opening.targets : [];
  return { rolloutId, epoch, closed: tokenText({ rolloutId, epoch, seq: SEQ_MAX, open: false }), targets };
}

/**
 * Reads the rollout for an execution and does the work if the directive is of this kind; every other directive is passed on
 * untouched, so a duplicate, late or resumed call does nothing by itself.
 * An execution of an older epoch gets `continue`, which ends it: another one acts.
 */
export async function whenDirected<Kind extends Directive['kind']>(
  ref: ExecutionInput,
  ports: Needs<'clock' | 'journal'>,
  kind: Kind,
  work: (rollout: Rollout, directive: Extract<Directive, { kind: Kind }>) => Promise<Rollout>,
): Promise<Answer> {
  const rollout = await readRollout(ref.rolloutId, ports);
  if (isSuperseded(rollout, ref)) return { kind: 'continue', seconds: 1, version: rollout.version };
  const directive = next(rollout, ports.clock.now());
  if (directive.kind !== kind) return answer(rollout, ports);
  return answer(await work(rollout, directive as Extract<Directive, { kind: Kind }>), ports);
}

/** True if another execution has taken this rollout over. An ended rollout has no present execution to defer to. */
export function isSuperseded(rollout: Rollout, ref: ExecutionInput): boolean {
  return rollout.epoch > ref.epoch && !isEnded(rollout);
}

/** @throws RolloutError RolloutUnknown */
export async function readRollout(rolloutId: string, { journal }: Needs<'journal'>): Promise<Rollout> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined)
    throw new RolloutError('RolloutUnknown', `Rollout ${rolloutId} is not in the journal; check its id.`);
  return rollout;
}
