import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Instant } from '../../core/units.ts';
import { BUS, ROLLOUT_MESSAGE, type Run, type Said } from '../recording.ts';
import { type Checker, type Fault, perRollout, those, type View } from './view.ts';

// What people and programs outside hear of rollouts, and what those who press buttons and links are answered.

/** Events that nobody outside has to hear of: they say what is about to be done, and the next one says that it was. */
const SILENT: readonly RolloutEvent['type'][] = ['HookStarted', 'ShiftIntended', 'Deferred', 'Continued'];

/** Events that everybody who asked for what is important must hear of. */
const LOUD: readonly RolloutEvent['type'][] = [
  ...(['RolloutOpened', 'Paused', 'GateOpened', 'DriftDetected', 'Aborted'] as const),
  ...(['RevertOrdered', 'Reverted', 'Promoted'] as const),
];

/** What has to be heard of a rollout, by the numbers of its events: of verdicts only those by which it began to look worse, or nobody can judge it. */
function dueOf(events: readonly RolloutEvent[]): { n: number; event: RolloutEvent }[] {
  let before: string | undefined;
  return events.flatMap((event, index) => {
    if (SILENT.includes(event.type)) return [];
    if (event.type === 'Measured') {
      const { status } = event.verdict;
      const isNews = status !== before && !['pass', 'inconclusive'].includes(status);
      before = status;
      if (!isNews) return [];
    }
    return [{ n: index + 1, event }];
  });
}

/** As much of a line as no receiver cuts off. */
const beginning = (line: string): string => line.slice(0, 120);

/** What a receiver is to hear of what was announced, in its order. */
function linesFor({ key, only }: Run['receivers'][number], announced: readonly Said[]): string[] {
  // A message by a webhook of Slack is one of its own, so it is about what is important alone.
  const isFor = ({ importance }: Said) =>
    only === 'pages' ? importance === 'page' : !(only ?? key === 'slack-webhook') || importance !== 'detail';
  const isLine = ({ kind }: Said) => kind !== 'measured' || key.startsWith('webhook');
  const due = announced.filter((each) => isFor(each) && isLine(each));
  return due
    .flatMap(({ lines, kind }) => {
      // The message about the rollout says itself that it was opened.
      const isMessage = key.startsWith('slack ') && kind === 'opened' && lines.length === 1;
      return isMessage ? [ROLLOUT_MESSAGE] : key.startsWith('slack ') ? lines : lines.slice(0, 1);
    })
    .map(beginning);
}

const announcedOf = (run: Run, rolloutId: string): Said[] => {
  const seen = new Set<string>();
  return run.said
    .filter((each) => each.to === BUS && each.rolloutId === rolloutId)
    .filter(({ id = '' }) => !seen.has(id) && seen.add(id));
};

/** Whatever happens to a rollout is announced, in order, and reaches everybody whose route asks for it; what nobody could hand over pages a person. */
export const everyTransitionTold = perRollout((view, run) => {
  const announced = announcedOf(run, view.id);
  const due = dueOf(run.histories[view.id] ?? []);
  const of = new Map(announced.map((each) => [each.id, each]));
  const unheard = due.flatMap(({ n, event }): Fault[] => {
    const found = of.get(`${view.id}#${n}`);
    if (found === undefined) return [{ at: event.at, what: `${event.type} was never announced` }];
    const isQuiet = LOUD.includes(event.type) && found.importance === 'detail';
    return isQuiet ? [{ at: event.at, what: `${event.type} was announced as a detail` }] : [];
  });
  const numbers = announced.map(({ id = '' }) => Number(id.split('#')[1]));
  const early = numbers.findIndex((n, index) => n < (numbers[index - 1] ?? 0));
  const mixed =
    early === -1
      ? []
      : [{ at: announced[early]?.at ?? 0, what: `event ${numbers[early]} was announced late` }];
  const missed = run.letters.includes(view.id)
    ? []
    : run.receivers.flatMap((each) => missedBy(each, view, run));
  return [...unheard, ...mixed, ...missed];
});

/** What one receiver was to hear and did not. */
function missedBy(receiver: Run['receivers'][number], view: View, run: Run): Fault[] {
  const heard = saidTo(receiver.key, view.id, run).flatMap(({ lines }) => lines.map(beginning));
  const at = view.happened.at(-1)?.at ?? 0;
  const due = linesFor(receiver, announcedOf(run, view.id));
  const missed = due.filter((line) => {
    const index = heard.indexOf(line);
    if (index !== -1) heard.splice(index, 1);
    return index === -1;
  });
  return missed.map((line) => ({ at, what: `${receiver.key} never heard "${line}"` }));
}

const saidTo = (key: string, rolloutId: string, { said }: Run): Said[] =>
  said.filter((each) => each.to === key && each.rolloutId === rolloutId);

/** Longest time from a call that goes wrong to what comes of it all the same. */
const ADRIFT_MS = 20_000;

/** Nobody hears the same twice, unless whoever said it could not know that it was heard, or could not write down that it knew. */
export const toldOnceEach = perRollout((view, run) => {
  const announced = announcedOf(run, view.id);
  const keys = [BUS, ...run.receivers.map(({ key }) => key)];
  return keys.flatMap((key): Fault[] => {
    const said = new Map<string, Said[]>();
    for (const each of saidTo(key, view.id, run))
      for (const line of key === BUS ? [each.id ?? ''] : each.lines.map(beginning))
        said.set(line, [...(said.get(line) ?? []), each]);
    const due =
      key === BUS
        ? announced.map(({ id }) => id ?? '')
        : announced.flatMap(({ lines }) => lines.map(beginning));
    return [...said].flatMap(([line, times]) => {
      const allowed = line === ROLLOUT_MESSAGE ? 1 : due.filter((each) => each === line).length;
      // What is said besides, such as a page that is repeated, is no transition.
      const excused =
        allowed === 0 ? times.length : times.filter((_, nth) => isUnknown(times, nth, run)).length;
      const last = times.at(-1);
      return last !== undefined && times.length > allowed + excused
        ? [{ at: last.at, what: `${key} heard "${line}" ${times.length} times` }]
        : [];
    });
  });
});

/** Longest run of what announces: two at once may both say it, since the bus promises "at least once" and no more. */
const AT_ONCE_MS = 10_000;

/** True if whoever said something could not know so by the time that it was said again. */
function isUnknown(times: readonly Said[], nth: number, { deaf }: Run): boolean {
  const [said, again] = [times[nth], times[nth + 1]];
  // What was given up may arrive after it was said again.
  if (said?.isUnheard === true) return true;
  if (said === undefined || again === undefined) return false;
  return (
    (said.to === BUS && again.at - said.at <= AT_ONCE_MS) ||
    deaf.some(({ fn, at }) => fn === said.by && at >= said.at - ADRIFT_MS && at <= again.at)
  );
}

/** Functions that report, and answer people: nothing waits for one. */
const REPORTING: readonly (string | undefined)[] = ['Notify', 'SlackAction', 'Transitions', undefined];

/** Nothing that a rollout waits for speaks to anybody outside, who may be slow or never answer. */
export const nothingWaitsForVoices: Checker = ({ spoken }) =>
  spoken
    .filter(({ by }) => !REPORTING.includes(by))
    .map(({ at, to, by }) => ({ at, what: `${by} waits for ${to}` }));

/** By a link a rollout is paused or aborted and nothing else, and each link does it once, also if it was pressed while the journal was away. */
export const linksOnlyStop = perRollout((view) => {
  const byLink = view.happened.flatMap(({ at, event }) =>
    'by' in event && typeof event.by === 'object' && event.by.via === 'link'
      ? [{ at, event, by: event.by }]
      : [],
  );
  return byLink.flatMap(({ at, event, by }, nth): Fault[] => {
    const isStop = event.type === 'Paused' || event.type === 'Aborted';
    const isFirst = byLink.findIndex((each) => each.by.id === by.id) === nth;
    return [
      ...(isStop ? [] : [{ at, what: `${event.type} by ${by.id}` }]),
      ...(isFirst ? [] : [{ at, what: `${by.id} was used again, for ${event.type}` }]),
    ];
  });
});

/** What each command leaves in the journal. */
const LEAVES: Record<string, readonly RolloutEvent['type'][]> = {
  pause: ['Paused'],
  resume: ['Resumed'],
  promote: ['PromotionOrdered'],
  approve: ['Approved'],
  reject: ['Rejected'],
};

/**
 * Whoever was answered that a command is accepted finds it in the journal, under their name; whoever was answered that it is refused does not.
 * An abort also acts with the journal away: that its canary is out is another promise.
 */
export const answersAreTrue = perRollout((view, run) => [
  ...repliesOf(view, run),
  ...run.commands.flatMap((command): Fault[] => {
    const { does, rolloutId, provenBy, at, acceptedAt, answeredAt, isRefused, isRepeated } = command;
    const types = LEAVES[does];
    if (rolloutId !== view.id || provenBy === undefined || types === undefined || answeredAt === undefined)
      return [];
    const found = those(view, ...types).filter(
      (each) => giverOf(each.event) === provenBy && each.at >= at && each.at <= answeredAt,
    );
    const others = run.commands.filter(
      (each) =>
        each !== command &&
        each.does === does &&
        each.provenBy === provenBy &&
        isDuring(each, at, answeredAt),
    );
    const aborted = those(view, 'Aborted')[0]?.index ?? Number.POSITIVE_INFINITY;
    if (does === 'promote' && found.some(({ index }) => index > aborted))
      return [{ at, what: `accepted to promote for ${provenBy} after an abort` }];
    // Who has approved before, or comes after enough others, adds nothing.
    const isMet = does === 'approve' && those(view, 'Approved').some((each) => each.at <= answeredAt);
    if (acceptedAt !== undefined && isRepeated !== true && found.length + others.length === 0 && !isMet)
      return [{ at, what: `accepted to ${does} for ${provenBy}, and did not` }];
    if (isRefused === true && found.length > 0 && others.length === 0)
      return [{ at, what: `refused to ${does} for ${provenBy}, and did` }];
    return [];
  }),
]);

/** What somebody in Slack is answered about each command. */
const CALLED: Record<string, string> = {
  abort: 'abort',
  pause: 'pause',
  resumption: 'resume',
  promotion: 'promote',
  approval: 'approve',
  rejection: 'reject',
};

/** Whoever is answered in Slack that a command was accepted has given one that was. */
function repliesOf(view: View, { replies, commands }: Run): Fault[] {
  return replies.flatMap(({ at, text }): Fault[] => {
    const [, noun = '', rolloutId, answer] =
      /^Your ([a-z]+) of (\S+) was (accepted|refused)/.exec(text) ?? [];
    const does = CALLED[noun];
    if (does === undefined || rolloutId !== view.id || answer === 'refused') return [];
    const isSo = commands.some(
      (each) =>
        each.does === does &&
        each.rolloutId === rolloutId &&
        each.provenBy?.startsWith('slack:') === true &&
        (each.acceptedAt ?? Number.POSITIVE_INFINITY) <= at,
    );
    return isSo ? [] : [{ at, what: `answered in Slack "${text}"` }];
  });
}

const giverOf = (event: RolloutEvent): string | undefined => ('by' in event ? event.by?.id : undefined);

const isDuring = ({ at, answeredAt }: Run['commands'][number], from: Instant, to: Instant): boolean =>
  at <= to && (answeredAt ?? to) >= from;
