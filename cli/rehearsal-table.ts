import { inMarkup } from '../core/plain-text.ts';
import { counted, number } from '../core/words.ts';

/** How all releases of one kind ended. */
export interface Row {
  release: string;
  runs: number;
  stopped: number;
  held: number;
  /** Minutes from the first harm to the revert: the median, and that of the slowest in ten. */
  median?: number;
  slowest?: number;
  /** Percent of the traffic that the release had, and requests that failed because of it, in the middle run. */
  weight?: number;
  failed: number;
  /** What most of them were stopped by. */
  by?: string;
  /** The line of the file that would change it. */
  change?: string;
}

/** Of so many runs in which it was seen so often, the most that its rate may be, with 95 % certainty (Clopper and Pearson, 1934). */
export function mostOf(seen: number, runs: number): number {
  if (seen >= runs) return 1;
  let [low, high] = [0, 1];
  for (let nth = 0; nth < 50; nth++) {
    const rate = (low + high) / 2;
    if (atMost(seen, runs, rate) > 0.05) low = rate;
    else high = rate;
  }
  return high;
}

function atMost(seen: number, runs: number, rate: number): number {
  let log = runs * Math.log1p(-rate);
  let sum = Math.exp(log);
  for (let nth = 1; nth <= seen; nth++) {
    log += Math.log((runs - nth + 1) / nth) + Math.log(rate) - Math.log1p(-rate);
    sum += Math.exp(log);
  }
  return sum;
}

/** The sentence about good releases. */
export function goodText({ runs, stopped, held }: Row): string {
  const most = Math.ceil(1000 * mostOf(stopped, runs)) / 10;
  return `${stopped} of ${counted(runs, 'good release')} ${stopped === 1 ? 'was' : 'were'} stopped (at most ${most} in 100, with 95 % certainty), and ${held} held for a person.`;
}

const HEAD = ['release', 'stopped', 'held', 'after, min', 'at', 'failed', 'by'];

function cellsOf(row: Row): string[] {
  const { release, runs, stopped, held, median, slowest, weight, failed, by } = row;
  return [
    release,
    `${stopped} of ${runs}`,
    held === 0 ? '-' : String(held),
    median === undefined || slowest === undefined ? '-' : `${short(median)}, ${short(slowest)}`,
    weight === undefined ? '-' : `${weight} %`,
    number(failed),
    by ?? '-',
  ];
}

const short = (minutes: number) => String(Number(minutes.toPrecision(2)));

/** The rows as lines of at most `width` columns: a table, or a paragraph for each if that has no room. */
export function tableText(rows: readonly Row[], width: number): string[] {
  const all = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, at) => Math.max(...all.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const isTable = Math.max(...all.map((cells) => line(cells).length)) <= width;
  return [
    ...(isTable ? [line(HEAD)] : []),
    ...rows.flatMap((row) => {
      const cells = cellsOf(row);
      const [release, ...rest] = cells;
      const shown = isTable
        ? [line(cells)]
        : [
            `${release}:`,
            ...rest.flatMap((cell, at) => (cell === '-' ? [] : [`  ${HEAD[at + 1]}: ${cell}`])),
          ];
      return [...shown, ...(row.change === undefined ? [] : [`  ${row.change}`])];
    }),
  ];
}

/** The same as a page that needs nothing else; what came from outside is escaped. */
export function tablePage(title: string, rows: readonly Row[], lines: readonly string[]): string {
  const cells = (tag: string, texts: string[]) =>
    texts.map((text) => `<${tag}>${inMarkup(text)}</${tag}>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${inMarkup(title)}</title>
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}div{overflow-x:auto}table{border-collapse:collapse}th,td{text-align:left;padding:.3rem .8rem;border-bottom:1px solid #8886}small{display:block}</style>
</head><body><h1>${inMarkup(title)}</h1>
<div><table><thead><tr>${cells('th', HEAD)}</tr></thead><tbody>
${rows.map((row) => `<tr>${cells('td', cellsOf(row))}</tr>${row.change === undefined ? '' : `<tr><td colspan="${HEAD.length}"><small>${inMarkup(row.change)}</small></td></tr>`}`).join('\n')}
</tbody></table></div>
${lines.map((line) => `<p>${inMarkup(line)}</p>`).join('\n')}
</body></html>
`;
}
