import { number } from '../../core/words.ts';
import {
  type BadFigures,
  type CellFigures,
  type Figures,
  type GoodFigures,
  isAdmitted,
  missedBy,
} from '../../simulation/weather/figures.ts';
import type { PeerName } from '../../simulation/weather/peers.ts';
import { weakPoints } from '../../simulation/weather/weak.ts';

/** How the figures were measured. */
interface Measured {
  runs: number;
  seed: number;
  minutes: number;
  processors: number;
}

/** The section of docs/evidence.md, as Markdown: what is weak, then both tables. */
export function tablesOf(figures: Figures, measured: Measured): string {
  const { good, bad } = figures;
  const excused = [...good, ...bad].flatMap(({ row, excused }) =>
    excused === undefined ? [] : [`- ${row}: ${excused}.`],
  );
  return [
    howMeasured(figures, measured),
    ['The weak points first:', '', ...weakPoints(figures).map((line) => `- ${line}`)].join('\n'),
    `Good releases, in %, by requests a second (${rates(good)}): reverted, paused for a person, and still waiting for one after two hours (held); minutes from the opening to the completion.`,
    table(GOOD_HEAD, good.flatMap(goodLines)),
    `Bad releases, by requests a second (${rates(bad)}); peers: found in %, then median of failed requests; "${EARLY}" if over 5 % are reverted before they do any harm.`,
    table(BAD_HEAD, bad.map(badLine)),
    ...(excused.length === 0 ? [] : [['Rows without a goal:', '', ...excused].join('\n')]),
  ].join('\n\n');
}

function howMeasured({ good, bad }: Figures, { runs, seed, minutes, processors }: Measured): string {
  const sum = (rows: readonly { runs: number }[]) => number(rows.reduce((all, row) => all + row.runs, 0));
  return `Measured with \`npm run bench -- weather --markdown\`: ${runs} rollouts a cell, more where a row has few cells; seed ${seed}; ${sum(good)} good and ${sum(bad)} bad releases in ${minutes.toFixed(1)} minutes on ${processors} processors.`;
}

const GOOD_HEAD = [
  'weather',
  'base',
  ...['reverted', 'paused', 'held', 'recalled', 'unproven', 'minutes', 'alarm', 'Argo', 'Flagger'],
  ...['at once: reverted', 'paused', 'held', 'recalled', 'minutes', 'alarm', 'Argo', 'Flagger'],
];

function goodLines({ row, cells }: GoodFigures): string[][] {
  const bases = [...new Set(cells.map(({ base }) => base))];
  return bases.map((base) => [
    row,
    `${percent(base)} %`,
    ...(['steps', 'all-at-once'] as const).flatMap((plan) => {
      const of = cells.filter((cell) => cell.base === base && cell.plan === plan);
      const shares = (what: (cell: CellFigures) => number) =>
        of.length === 0 ? '-' : of.map((cell) => percent(what(cell))).join(' / ');
      return [
        shares(({ reverted }) => reverted),
        shares(({ paused }) => paused),
        shares(({ held }) => held),
        shares(({ recalled }) => recalled),
        // What goes from 0 to 100 % in one step is never called proven.
        ...(plan === 'steps' ? [shares(({ proven, reverted }) => 1 - proven - reverted)] : []),
        list(of, ({ minutes }) => minutes),
        ...(['alarm', 'Argo', 'Flagger'] as const).map((peer) => shares(({ peers }) => peers[peer].reverted)),
      ];
    }),
  ]);
}

/** A peer that reverts good releases in this weather as well. */
const EARLY = 'by weather';

const BAD_HEAD = [
  'release',
  ...[
    'found, %',
    'reverted before any harm, %',
    'held, %',
    'called proven, %',
    'at weight',
    'minutes',
    'failed requests',
  ],
  ...['alarm', 'Argo', 'Flagger', 'oracle', 'times the oracle', 'goals missed'],
];

function badLine(figures: BadFigures): string[] {
  const { row, cells, timesOracle, excused } = figures;
  const missed = missedBy(figures);
  const shares = (what: (cell: CellFigures) => number) =>
    cells.map((cell) => percent(what(cell))).join(' / ');
  const peer = (name: PeerName) =>
    cells
      .map(({ peers }) =>
        isAdmitted(peers[name]) ? `${percent(peers[name].found)}, ${threeDigits(peers[name].failed)}` : EARLY,
      )
      .join(' / ');
  return [
    row,
    shares(({ found }) => found),
    shares(({ reverted, found }) => reverted - found),
    shares(({ held }) => held),
    shares(({ proven }) => proven),
    list(cells, ({ weight }) => weight),
    list(cells, ({ minutes }) => minutes),
    cells.map(({ failed }) => threeDigits(failed)).join(' / '),
    ...(['alarm', 'Argo', 'Flagger', 'oracle'] as const).map(peer),
    timesOracle === null ? '-' : timesOracle.toFixed(1),
    excused === undefined ? missed.join(', ') || 'none' : '-',
  ];
}

function rates(rows: readonly { cells: readonly CellFigures[] }[]): string {
  const longest = rows.reduce<readonly CellFigures[]>(
    (most, { cells }) => (cells.length > most.length ? cells : most),
    [],
  );
  return [...new Set(longest.map(({ requestsPerSecond }) => number(requestsPerSecond)))].join(' / ');
}

function list(cells: readonly CellFigures[], of: (cell: CellFigures) => number | null): string {
  return cells.length === 0 ? '-' : cells.map((cell) => of(cell) ?? '-').join(' / ');
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const percent = (share: number) => `${Math.round(share * 1000) / 10}`;

const threeDigits = (value: number) => number(Number(value.toPrecision(3)));
