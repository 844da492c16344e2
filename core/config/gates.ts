import * as z from 'zod/mini';
import type { Gate } from '../rollout/event.ts';
import { type Fault, list, rule, type Says, strict, textLike, whole } from './check.ts';
import { acceptedSeconds, DAY, duration, MINUTE } from './duration.ts';
import { oneOf } from './nearest.ts';
import { own, word } from './plain.ts';

const APPROVERS_MAX = 10;
const NAMES_MAX = 100;
/** One gate for each whole percent is all that can be asked for. */
const GATES_MAX = 100;
const ON_TIMEOUT = ['revert', 'promote'] as const;
const REJECT = ['ends', 'pauses'] as const;

const nameSays: Says = () => 'write a name of 1 to 200 characters, without control characters.';
const namesSays: Says = () => `write a list of at most ${NAMES_MAX} names of people, or leave \`by\` out.`;
const groupsSays: Says = () =>
  `write a list of 1 to ${NAMES_MAX} groups that the settings of the deployment name, like \`[leads]\`, or leave \`from\` out.`;
const approversSays: Says = ({ input }) =>
  input === 0
    ? `a gate without approvers blocks nothing; write how many people must approve, from 1 to ${APPROVERS_MAX}, or remove the gate.`
    : `write how many people must approve: a whole number from 1 to ${APPROVERS_MAX}.`;
const nameField = textLike(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,200}$/u, nameSays);
const rejectSays: Says = ({ input }) => oneOf(word(input), REJECT);
const timeoutActionSays: Says = ({ input }) => oneOf(word(input), ON_TIMEOUT);

const gate = strict({
  before: whole(
    1,
    100,
    () => 'write the weight that needs approval: a whole percent from 1 to 100; 100 is the promotion itself.',
  ),
  approvers: z._default(whole(1, APPROVERS_MAX, approversSays), 1),
  by: z.optional(list(nameField, NAMES_MAX, namesSays)),
  from: z.optional(list(nameField, NAMES_MAX, groupsSays).check(z.minLength(1, { error: groupsSays }))),
  notAuthor: z._default(z.boolean({ error: () => 'write true or false.' }), false),
  reject: z._default(z.enum(REJECT, { error: rejectSays }), 'pauses'),
  timeout: z._default(duration(MINUTE, 30 * DAY), '6h'),
  onTimeout: z._default(z.enum(ON_TIMEOUT, { error: timeoutActionSays }), 'revert'),
}).check(rule(namesFaults));

const error = () =>
  `write a list of at most ${GATES_MAX} gates, like \`- { before: 50, approvers: 1, timeout: 6h }\`.`;

/** Weights that people must approve. */
export const gatesField = list(gate, GATES_MAX, error).check(
  rule(repeatedFaults),
  z.describe('Weights that are not reached before people have approved.'),
);

/** The gates of an accepted file, in the order in which they are met. */
export function sortedGatesFrom(written: z.output<typeof gatesField>): Gate[] {
  return written
    .map(({ before, approvers, by = [], from, notAuthor, reject, timeout, onTimeout }) => ({
      before,
      approvers,
      by,
      ...(from === undefined ? {} : { from }),
      ...(notAuthor ? { notAuthor } : {}),
      ...(reject === 'ends' ? { reject } : {}),
      timeoutSeconds: acceptedSeconds(timeout),
      onTimeout,
    }))
    .sort((a, b) => a.before - b.before);
}

function namesFaults(value: unknown): Fault[] {
  const approvers = own(value, 'approvers') ?? 1;
  const repeated = ['by', 'from'].flatMap((field) => repeatedIn(own(value, field), field));
  const [names, groups] = [own(value, 'by'), own(value, 'from')];
  const isOpen = !Array.isArray(names) || groups !== undefined;
  if (isOpen || typeof approvers !== 'number' || new Set(names).size >= approvers) return repeated;
  const message = `fewer people may approve than the ${approvers} that must; add names or lower \`approvers\`.`;
  return [...repeated, { path: ['by'], message }];
}

/** Names in a list that stand there before. */
function repeatedIn(names: unknown, field: string): Fault[] {
  return (Array.isArray(names) ? names : []).flatMap((name, index, all) =>
    all.indexOf(name) === index
      ? []
      : [{ path: [field, index], message: 'this name is listed before; remove one of the two.' }],
  );
}

function repeatedFaults(list: unknown): Fault[] {
  const weights = Array.isArray(list) ? list.map((item) => own(item, 'before')) : [];
  return weights.flatMap((weight, index) =>
    weight === undefined || weights.indexOf(weight) === index
      ? []
      : [{ path: [index, 'before'], message: 'there is a gate before this weight already; join the two.' }],
  );
}
