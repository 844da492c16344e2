import { number } from '../../core/words.ts';
import { type CellFigures, type Figures, type GoodFigures, missedBy } from './figures.ts';

/** What the figures say against this judge, so that no sentence can say less than its table. */
export function weakPoints({ good, bad }: Figures): string[] {
  const steps = ({ plan }: CellFigures) => plan === 'steps';
  const atOnce = ({ plan }: CellFigures) => plan === 'all-at-once';
  const rowsAbove = <Row extends { row: string; cells: CellFigures[] }>(
    rows: readonly Row[],
    of: (cell: CellFigures) => number,
    { least = 0, where = () => true }: { least?: number; where?: (cell: CellFigures) => boolean } = {},
  ) =>
    rows
      .map(({ row, cells }) => ({ row, most: Math.max(0, ...cells.filter(where).map(of)) }))
      .filter(({ most }) => most > least)
      .sort((a, b) => b.most - a.most)
      .map(({ row, most }) => `${row} (up to ${share(most)} %)`);
  const counted = good.filter(({ excused }) => excused === undefined);
  const missed = bad.filter((row) => missedBy(row).length > 0);
  const often = `${share(RECALLED_SHOWN)} % of a cell`;
  const worst = (of: (row: GoodFigures) => number) => share(Math.max(0, ...counted.map(of)));
  return [
    `**Good releases that are paused for a person**, by plans with steps: ${listed(rowsAbove(good, ({ paused }) => paused, { where: steps }))}; all at once: ${listed(rowsAbove(good, ({ paused }) => paused, { where: atOnce }))}.`,
    `**Good releases that are reverted**: ${listed(rowsAbove(good, ({ reverted }) => reverted))}.`,
    `Of the rows with a goal, the worst has ${worst(({ reverted }) => reverted)} % of its good releases reverted (its worst line of the table ${worst(({ ofLine }) => ofLine.reverted)} %), and ${worst(({ paused }) => paused)} % paused (${worst(({ ofLine }) => ofLine.paused)} %).`,
    `**Good releases that are recalled**, more than ${often}, by plans with steps: ${listed(rowsAbove(good, ({ recalled }) => recalled, { where: steps, least: RECALLED_SHOWN }))}; all at once: ${listed(rowsAbove(good, ({ recalled }) => recalled, { where: atOnce, least: RECALLED_SHOWN }))}. A recall costs minutes.`,
    `**${missed.length} of ${bad.length} rows of bad releases miss a goal**: ${listed(missed.map((row) => `${row.row} (${missedBy(row).join(', ')})`))}.`,
    `**Bad releases that most rollouts do not find**, by requests a second: ${listed(bad.flatMap(({ row, cells }) => named(row, cells, ({ found }) => found, FOUND_LESS)))}.`,
    `**Bad releases that are called proven**, by requests a second: ${listed(bad.flatMap(({ row, cells }) => named(row, cells, ({ proven }) => proven)))}. Of these, the outcome does not say that no step finds so little harm: ${listed(bad.flatMap(({ row, cells }) => named(row, cells, ({ claimed }) => claimed)))}.`,
    ...NOT_MEASURED,
  ];
}

/** Shares from which on recalls are listed, and below which a release counts as not found. */
const RECALLED_SHOWN = 0.1;
const FOUND_LESS = 0.5;

/** One row with the cells in which a share is above 0, or below the limit if there is one. */
function named(
  row: string,
  cells: readonly CellFigures[],
  of: (cell: CellFigures) => number,
  below?: number,
): string[] {
  const those = cells.filter((cell) => (below === undefined ? of(cell) > 0 : of(cell) < below));
  const each = those.map((cell) => `${number(cell.requestsPerSecond)}: ${share(of(cell))} %`);
  return those.length === 0 ? [] : [`${row} (${each.join(', ')})`];
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join('; '));

/** What no figure of this bench can show. */
const NOT_MEASURED = [
  '**Lost requests** are told from counts that are late only after ten minutes, which a canary waits for at 1 % of the traffic. Flagger treats missing data as failure, and reverts every good release whose counts are late.',
  '**Harm above 96 % of the traffic alone** is held for a person after two recalls, never reverted: no control can show it.',
  '**Weather that hits one version alone** looks like the release, at every weight. The bench has only weather that both versions meet.',
  '**Peers that revert in the weather itself** find what comes later at no cost; if they do so in more than 5 % of a cell, they are no benchmark.',
];

const share = (part: number) => `${Math.round(part * 1000) / 10}`;
