import { tokenText } from '../core/rollout/fencing-token.ts';
import { describe } from '../core/rollout/story.ts';
import type { Standing } from '../local/witness.ts';
import type { Case, Moment, Release } from './case.ts';
import { FAULTS } from './faults.ts';
import type { Played } from './play.ts';
import type { Append, RoutingWrite } from './recording.ts';

/** What happened in a world, line by line, as a story: who did what, what went wrong, what the alias then did. */
export function historyOf(it: Case, { run, strikes, violations, uploadedAt }: Played): string[] {
  const lines: { at: number; text: string }[] = [
    ...strikes.map(({ at, fault, where }) => ({ at, text: `  fault: ${where}: ${FAULTS[fault].what}` })),
    ...run.timeline.flatMap((entry) => (entry.kind === 'write' ? [written(entry)] : appended(entry))),
    ...violations.map(({ at, promise, what }) => ({ at, text: `  BROKEN: ${promise}: ${what}` })),
  ];
  const since = (at: number) => clockOf(Math.max(0, at - uploadedAt));
  return [
    ...settingOf(it),
    ...counted(lines.toSorted((a, b) => a.at - b.at).map(({ at, text }) => ({ since: since(at), text }))),
  ];
}

function settingOf(it: Case): string[] {
  const { targets: _, ...file } = it.file;
  return [
    `The release ${releaseText(it.release)}; ${it.requestsPerSecond} ${it.isFed ? 'messages' : 'requests'} a second on ${it.targets === 1 ? 'one target' : 'each of two targets'}.`,
    `Its rollout file: ${JSON.stringify(file)}`,
    ...(it.leaving === undefined
      ? []
      : [`All but ${percent(it.leaving.rest)} of the callers leave when it has ${it.leaving.from} %.`]),
    ...(it.late === undefined
      ? []
      : [
          `Of the counts of ${it.late.side}, ${percent(it.late.share)} come ${it.late.minutes} min later than usual${it.late.isInVerify ? ' in verify' : ''}.`,
        ]),
    ...(it.weather === undefined ? [] : [`Weather: ${JSON.stringify(it.weather)}.`]),
    ...(it.history === undefined ? [] : [`Before it: ${JSON.stringify(it.history)}.`]),
    ...(it.ahead === undefined
      ? []
      : [`The counters of ${it.ahead.side} are stamped a minute in the future.`]),
    ...(it.reporting === undefined ? [] : [`It is reported to ${JSON.stringify(it.reporting)}.`]),
    ...it.commands.map(({ does, when, by = 'a person', again = [] }) => {
      const times = again.length === 0 ? '' : `, and again after ${again.join(' ms, ')} ms`;
      return `${by[0]?.toUpperCase()}${by.slice(1)} will ${does}, ${momentText(when)}${times}.`;
    }),
    ...it.troubles.map(
      ({ fault, when, seconds }) =>
        `Trouble: ${FAULTS[fault].what}, ${momentText(when)}${seconds > 0 ? `, for ${seconds} s` : ''}.`,
    ),
  ];
}

function releaseText(release: Release): string {
  switch (release.kind) {
    case 'good':
      return 'is good';
    case 'crashing':
      return 'throws at every request';
    case 'slow':
      return `is ${release.times} times slower`;
    case 'bad':
      return `fails ${percent(release.share)} of its requests (${release.as})`;
    case 'a little worse':
      return `fails ${Math.round(release.times * 10) / 10} times as often as stable (${release.as})`;
    case 'under load':
      return `fails ${percent(release.share)} of its requests (${release.as}) from a weight of ${release.from} % on`;
    case 'throttled':
    case 'uncounted': {
      const what = release.kind === 'throttled' ? 'are turned away' : 'are counted nowhere';
      return `is one of which ${percent(release.share)} of the requests ${what} from a weight of ${release.from} % on`;
    }
    case 'hanging':
      return `lets ${percent(release.share)} of its requests hang until the time-out of 15 min`;
    case 'leaking':
      return `leaks memory: within ${release.minutes} min its callers make a tenth of their requests, and then it is killed`;
    case 'after promotion':
      return `fails ${percent(release.share)} of its requests (${release.as}) from ${release.minutes} min after its promotion on`;
    case 'late':
      return `fails ${percent(release.share)} of its requests (${release.as}) after ${release.minutes} min of traffic`;
  }
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;

function momentText({ ms, after }: Moment): string {
  const time = ms >= 60_000 ? clockOf(ms) : `${ms} ms`;
  return after === undefined ? `${time} after the upload` : `${time} after ${after.event} no. ${after.nth}`;
}

function written({ at, key, before, after, by }: RoutingWrite): { at: number; text: string } {
  const whose = by === undefined ? 'somebody else' : tokenText(by);
  const to = after === undefined ? 'deleted' : standingText(after);
  return { at, text: `  ${key}: ${standingText(before)} -> ${to} (${whose})` };
}

function standingText({ primary, weights }: Standing): string {
  const others = Object.entries(weights).map(([version, weight]) => ` + ${version} at ${weight} %`);
  return `${primary}${others.join('')}`;
}

function appended({ at, events, rollout }: Append): { at: number; text: string }[] {
  return events.flatMap((event) => {
    const text = describe(event, rollout) ?? event.type;
    return [{ at, text: `${rollout.opening.release}: ${text.replaceAll('\n', '; ')}` }];
  });
}

/** As `4:07.250` after the upload. */
function clockOf(ms: number): string {
  const seconds = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
  return `${Math.floor(ms / 60_000)}:${seconds}`;
}

/** Repeated lines are printed once, with a count. */
function counted(lines: { since: string; text: string }[]): string[] {
  const told: { since: string; text: string; times: number }[] = [];
  for (const { since, text } of lines) {
    const last = told.at(-1);
    if (last?.text === text) last.times += 1;
    else told.push({ since, text, times: 1 });
  }
  return told.map(
    ({ since, text, times }) => `${since.padStart(10)}  ${text}${times > 1 ? ` (${times} times)` : ''}`,
  );
}
