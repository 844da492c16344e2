import { oneOf } from '../config/nearest.ts';
import { RolloutError } from '../errors.ts';
import type { Instant } from '../units.ts';
import { type Actor, nameOf, voiceOf, WAYS } from './actor.ts';
import type { CommandRequest } from './command-request.ts';
import type { Gate, PauseReason } from './event.ts';

/** A gate that was opened. */
export interface GateState {
  until: Instant;
  /** Who has approved it and still does: each voice once. */
  approvedBy: Actor[];
}

/** Whoever approves or rejects. */
export type Voice = Pick<CommandRequest, 'by' | 'groups' | 'aka'>;

/** What keeps somebody's word from counting at a gate, and what to do about it; undefined if it counts. */
export function whyNoVoice(
  voice: Voice,
  gate: Gate,
  { command, rolloutId }: { command: 'approve' | 'reject'; rolloutId: string },
): string | undefined {
  const { by, from = [] } = gate;
  const name = nameOf(voice.by);
  if (!voice.by.isVerified)
    return `${name} is what the caller said, and a gate counts proven identities only: ${command} in Slack, or by "spillway ${command} ${rolloutId} --gate ${gate.before}" with the right to call the API (docs/deploy.md#who-may-call-the-api)`;
  const isNamed = namesOf(voice).some((each) => by.includes(each));
  const isMember = voice.groups?.some((group) => from.includes(group)) === true;
  if (isNamed || isMember || (by.length === 0 && from.length === 0)) return undefined;
  return `${name} may not: ${whoMay({ by, from })} may`;
}

/** Whose word a gate counts. */
export function whoMay({ by, from = [] }: Pick<Gate, 'by' | 'from'>): string {
  const groups = from.length === 0 ? [] : [`anybody in ${from.join(' or ')}`];
  return [...(by.length === 0 ? [] : [by.join(', ')]), ...groups].join(', or ') || 'anybody who may approve';
}

/** What keeps somebody from counting at a gate that asks others than the author; undefined if it surely is another one. */
export function whyAuthor(voice: Voice, author: string | undefined): string | undefined {
  const name = nameOf(voice.by);
  if (isAuthor(voice, author)) return `${name} is the author of the release, and this gate asks others`;
  const { person, id } = voice.by;
  const isTold =
    person !== undefined || [id, ...(voice.aka ?? [])].some((each) => shortName(each) !== undefined);
  return isTold
    ? undefined
    : `nothing says who ${name} is, so nobody can tell that it is not the author of the release; name the person in access.people of this environment`;
}

/** True if somebody is the author of a release, as far as its manifest names that one: by a mail address, a login or a name, whatever the capitals. */
function isAuthor({ by, aka = [] }: Voice, author = ''): boolean {
  const known = [...namesOf({ by, aka }), ...(by.name === undefined ? [] : [by.name])].map(lower);
  const [, before = '', mail = ''] = /^(.*?)\s*<([^<>]*)>$/.exec(author) ?? [];
  return [author, before, mail].some((written) => written !== '' && known.includes(lower(written)));
}

const lower = (text: string) => text.toLowerCase();

/** The name that an IAM user or session has within its ARN. */
const ARN_NAME = /^arn:[^:]+:(?:iam|sts)::\d*:(?:user|assumed-role\/[^/]+)\/(?:.*\/)?([^/]+)$/;

/** The name within an ARN, or a mail address. */
const shortName = (id: string): string | undefined => ARN_NAME.exec(id)?.[1] ?? /^mail:(.+)$/.exec(id)?.[1];

/** What is proven of somebody that a rollout file may call that one: not what he calls himself, as Slack shows it. */
function namesOf({ by, aka = [] }: Voice): string[] {
  const identities = [by.id, ...aka];
  const short = identities.flatMap((id) => shortName(id) ?? []);
  return [...(by.person === undefined ? [] : [by.person]), ...identities, ...short];
}

/** A role whose sessions count as one, or the root of an account: neither says who it is. */
const NOBODY = /^arn:[^:]+:(?:sts::\d*:assumed-role\/[^/]+|iam::\d*:root)$/;

/** The name that the user or the session of an ARN has; all that say nothing are one. */
const nameWithin = (id: string): string => (NOBODY.test(id) ? '' : (ARN_NAME.exec(id)?.[1] ?? id));

/**
 * How many people have surely approved. Somebody who comes two ways is two voices unless the settings name the person, so two
 * voices are two people only if both are named there, or both came the same way. A role, and a user
 * of IAM, may be one person; so may a user and a session of the same name, whichever of them the settings name.
 */
function peopleIn(approvals: readonly (Actor | string)[]): number {
  const approvedBy = approvals.filter((by) => typeof by !== 'string');
  const named = new Set(approvedBy.flatMap(({ person = [] }) => person));
  const ways = WAYS.map((way) => {
    const same = approvedBy.filter(({ via }) => via === way);
    const voices = new Set(same.map(voiceOf));
    if (way !== 'iam') return voices.size;
    const names = new Set(same.map(({ id }) => nameWithin(id)));
    return Math.min(voices.size, names.size - (names.size > 1 && names.has('') ? 1 : 0));
  });
  // Texts are of events from before there were actors.
  return Math.max(named.size, ...ways) + approvals.length - approvedBy.length;
}

/** How many more people must approve a gate; `state` is absent before it was opened. */
export const missingAt = ({ approvers }: Gate, state: GateState | undefined): number =>
  Math.max(0, approvers - peopleIn(state?.approvedBy ?? []));

/** A gate that asks a group which no settings name could never be approved. @throws RolloutError OpeningRefused naming the field and the fix */
export function assertGroups(gates: readonly Gate[], groups: readonly string[]): void {
  for (const { before, from = [] } of gates) {
    const unknown = from.find((group) => !groups.includes(group));
    if (unknown === undefined) continue;
    const known =
      groups.length === 0 ? 'the settings of this environment name none.' : oneOf(unknown, groups);
    throw new RolloutError(
      'OpeningRefused',
      `gates: nobody could approve the gate before ${before} %, since "${unknown}" in \`from\` is not a group: ${known}`,
    );
  }
}

/** The gate with one more voice; one that has approved counts once. */
export function approved(gate: GateState, by: Actor): GateState {
  return gate.approvedBy.some((each) => voiceOf(each) === voiceOf(by))
    ? gate
    : { ...gate, approvedBy: [...gate.approvedBy, by] };
}

/** The gates without what was approved so far: what was approved is not what goes on now. */
export const lapsed = (gates: Record<string, GateState>): Record<string, GateState> =>
  Object.fromEntries(Object.entries(gates).map(([before, gate]) => [before, { ...gate, approvedBy: [] }]));

/** Pauses that say something against the release, or that somebody wanted to look closer: who approved before did not know. A pause for want of counts says nothing new. */
const LAPSES: Record<PauseReason, boolean> = {
  ...{ human: true, suspect: true, doubt: true, irreversible: true },
  ...{ inconclusive: false, broken: false },
};

/** True for a pause after which a gate asks again. */
export const isLapse = (why: PauseReason): boolean => LAPSES[why];
