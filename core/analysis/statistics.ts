import { number } from '../words.ts';
import type { Finding, Verdict } from './types.ts';

/** The statistics behind a verdict, one line for each metric and one for all together, for --verbose. */
export function statisticsOf({ findings, evidence, limit }: Verdict): string[] {
  const each = findings.map(
    (finding) =>
      `${finding.target} ${finding.metric}: evidence ${timesText(finding.evidence)}${oddsText(finding)}; ${number(finding.windows)} windows of this step`,
  );
  if (evidence === undefined || limit === undefined) return each;
  return [...each, `together: evidence ${timesText(evidence)}, reverted at ${timesText(limit)}`];
}

function oddsText({ odds }: Finding): string {
  if (odds === undefined) return '';
  const from = `at least ${digits(odds.low)}`;
  return `, odds ${odds.high === undefined ? from : `${from} and at most ${digits(odds.high)}`} times those of stable`;
}

/** Evidence as the factor it is; its logarithm is what a verdict holds. */
function timesText(log: number): string {
  return log > Math.log(1e6) ? 'over 1,000,000' : digits(Math.exp(log));
}

const digits = (value: number) =>
  value < 100 ? String(Number(value.toPrecision(2))) : number(Math.round(value));
