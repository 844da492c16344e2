import { number } from '../../core/words.ts';

/** One cell of a table: by rule, the share reverted, mean minutes until then and failed canary requests until then. */
interface TableCell {
  weather: string;
  requestsPerSecond: number;
  weight: number;
  stable: number;
  canary: number;
  rules: Record<string, { reverted: number; minutes: number; failedRequests: number }>;
}

/** The rules that docs/evidence.md shows, in its order. */
const SHOWN = [
  'judge 1.5x',
  'judge 1x',
  'alarm 2/3',
  'Kayenta',
  'Argo',
  'Flagger',
  'Beta mixture',
  'Beta mixture 1.5x',
];

/** The tables of docs/evidence.md, as Markdown. */
export function tablesOf(cells: readonly TableCell[]): string {
  const calm = cells.filter(({ weather }) => weather === 'calm');
  const canaries = [...new Set(calm.map(({ canary }) => canary))];
  return [
    ...canaries.map((canary) => calmTable(calm.filter((cell) => cell.canary === canary))),
    roughTable(cells),
  ].join('\n\n');
}

function calmTable(cells: readonly TableCell[]): string {
  const { canary = 0, stable = 0 } = cells[0] ?? {};
  const isGood = canary === stable;
  const title = isGood
    ? `A good canary (${percent(canary)} like stable): share reverted for nothing.`
    : `Canary fails ${percent(canary)}: share reverted / mean minutes (30 if never) / failed canary requests until then.`;
  const rows = cells.map(({ requestsPerSecond, weight, rules }) => [
    `${requestsPerSecond}, ${percent(weight)}`,
    ...SHOWN.map((rule) => {
      const { reverted = 0, minutes = 0, failedRequests = 0 } = rules[rule] ?? {};
      return isGood
        ? percent(reverted)
        : `${percent(reverted)} / ${minutes.toFixed(1)} / ${threeDigits(failedRequests)}`;
    }),
  ]);
  return `${title}\n\n${table(['requests/s, weight', ...SHOWN], rows)}`;
}

function roughTable(cells: readonly TableCell[]): string {
  const rows = cells
    .filter(({ weather }) => weather !== 'calm')
    .map(({ weather, requestsPerSecond, weight, rules }) => [
      weather,
      `${requestsPerSecond}, ${weather === 'stepped weights' ? '1 to 50 %' : percent(weight)}`,
      ...SHOWN.map((rule) => {
        const burst = rules[`${rule}, burst 3`];
        const more = burst === undefined ? '' : ` (burst 3: ${percent(burst.reverted)})`;
        return `${percent(rules[rule]?.reverted ?? 0)}${more}`;
      }),
    ]);
  const head = ['weather', 'requests/s, weight', ...SHOWN];
  return `A good canary in rough weather: share reverted for nothing.\n\n${table(head, rows)}`;
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;

const threeDigits = (value: number) => number(Number(value.toPrecision(3)));
