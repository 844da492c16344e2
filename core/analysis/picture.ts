import { inMarkup } from '../plain-text.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { compared } from '../words.ts';
import type { Finding, Verdict } from './types.ts';

/** One verdict at the time it was made. */
export interface Judged {
  at: Instant;
  verdict: Verdict;
}

const [WIDTH, LEFT, RIGHT] = [640, 92, 24];
const PLOT_HEIGHT = 120;
const TOP = 88;
const GAP = 56;

/** Odds ratios are drawn from a quarter to a thousand; what lies beyond is drawn at the edge. */
const [ODDS_LEAST, ODDS_MOST] = [0.25, 1000];

/** Evidence is drawn from this many times its threshold down to its threshold's inverse. */
const EVIDENCE_MOST = 1.5;

/**
 * A picture of the verdicts of a rollout so far, by one metric of one target: the interval for the odds ratio over time,
 * all evidence against its threshold, and the newest counts. It follows the reader's light or dark scheme and holds no script.
 */
export function pictureOf(judged: readonly Judged[], subject: Pick<Finding, 'target' | 'metric'>): string {
  const points = judged.map(({ at, verdict }) => ({ at, verdict, finding: findingIn(verdict, subject) }));
  const finding = points.at(-1)?.finding;
  const x = timeScale(judged);
  const second = TOP + PLOT_HEIGHT + GAP;
  const height = second + PLOT_HEIGHT + 44;
  const counts = finding === undefined ? 'no counts yet' : compared(finding.canary, finding.stable);
  const title = `${subject.target} ${subject.metric}: ${finding?.status ?? 'not measured yet'}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${inMarkup(`${title}. ${counts}.`)}">`,
    STYLE,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    text(16, 26, title, 'title'),
    text(16, 46, counts),
    oddsPlot(points, x, TOP),
    evidencePlot(points, x, second),
    timeAxis(judged, x, height - 16),
    '</svg>',
  ].join('\n');
}

const STYLE = `<style>
svg { color-scheme: light dark; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 11px; fill: #57606a; }
.paper { fill: #ffffff; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.even { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 5 4; }
.limit { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 7 3; }
.limit-text { font-size: 11px; fill: #b3261e; }
.range { stroke: #0757ba; stroke-width: 5; stroke-linecap: round; }
.line { stroke: #0757ba; stroke-width: 2.5; fill: none; }
.dot { fill: #0757ba; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9da7b3; }
.paper { fill: #0d1117; }
.grid { stroke: #30363d; }
.even { stroke: #9da7b3; }
.limit { stroke: #ff8a80; }
.limit-text { fill: #ff8a80; }
.range, .line { stroke: #79b8ff; }
.dot { fill: #79b8ff; }
}
</style>`;

interface Point extends Judged {
  finding: Finding | undefined;
}

type Scale = (value: number) => number;

function findingIn({ findings }: Verdict, { target, metric }: Pick<Finding, 'target' | 'metric'>) {
  return findings.find((finding) => finding.target === target && finding.metric === metric);
}

function oddsPlot(points: readonly Point[], x: Scale, top: number): string {
  const y = (odds: number) => {
    const within = Math.min(ODDS_MOST, Math.max(ODDS_LEAST, odds));
    return top + PLOT_HEIGHT * (1 - Math.log(within / ODDS_LEAST) / Math.log(ODDS_MOST / ODDS_LEAST));
  };
  const grid = [1, 10, 100, 1000].map((odds) =>
    gridLine(y(odds), `${odds === 1 ? 'as often' : `${odds}x`}`, odds === 1 ? 'even' : 'grid'),
  );
  const ranges = points.map(({ at, finding }) => {
    const odds = finding?.odds;
    if (odds === undefined || (odds.low === 0 && odds.high === undefined)) return '';
    const [low, high] = [y(odds.low), y(odds.high ?? ODDS_MOST)];
    return `<line class="range" x1="${px(x(at))}" x2="${px(x(at))}" y1="${px(low)}" y2="${px(high)}"/>`;
  });
  const caption = text(
    LEFT,
    top - 8,
    'how many times as often the canary fails: at least to at most',
    'small',
  );
  return [caption, ...grid, ...ranges].join('\n');
}

function evidencePlot(points: readonly Point[], x: Scale, top: number): string {
  const shareOf = ({ verdict: { evidence = 0, limit = 1 } }: Point) =>
    Math.min(EVIDENCE_MOST, Math.max(-1, evidence / limit));
  const y = (share: number) => top + (PLOT_HEIGHT * (EVIDENCE_MOST - share)) / (EVIDENCE_MOST + 1);
  const path = points.map(
    (point, index) => `${index === 0 ? 'M' : 'L'}${px(x(point.at))} ${px(y(shareOf(point)))}`,
  );
  const last = points.at(-1);
  return [
    text(LEFT, top - 8, 'evidence against the canary, all metrics together', 'small'),
    gridLine(y(0), 'none', 'grid'),
    gridLine(y(1), 'reverted', 'limit', 'limit-text'),
    `<path class="line" d="${path.join(' ')}"/>`,
    last === undefined
      ? ''
      : `<circle class="dot" cx="${px(x(last.at))}" cy="${px(y(shareOf(last)))}" r="4"/>`,
  ].join('\n');
}

function timeScale(judged: readonly Judged[]): Scale {
  const first = judged[0]?.at ?? 0;
  const length = Math.max(WINDOW_MS, (judged.at(-1)?.at ?? 0) - first);
  return (at) => LEFT + 8 + ((WIDTH - LEFT - RIGHT - 8) * (at - first)) / length;
}

function timeAxis(judged: readonly Judged[], x: Scale, y: number): string {
  const [first, last] = [judged[0], judged.at(-1)];
  if (first === undefined || last === undefined) return '';
  const minutes = Math.round((last.at - first.at) / WINDOW_MS);
  return [
    text(x(first.at), y, 'first verdict', 'small'),
    minutes > 0 ? text(WIDTH - RIGHT, y, `${minutes} min later`, 'small', 'end') : '',
  ].join('\n');
}

function gridLine(y: number, label: string, kind: string, labelKind = 'small'): string {
  return [
    `<line class="${kind}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y)}" y2="${px(y)}"/>`,
    text(LEFT - 8, y + 4, label, labelKind, 'end'),
  ].join('');
}

function text(x: number, y: number, said: string, kind = '', anchor = 'start'): string {
  const style = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${style}>${inMarkup(said)}</text>`;
}

const px = (value: number) => Math.round(value * 10) / 10;
