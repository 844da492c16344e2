import { type ComponentChildren, h } from 'preact';
import { clock } from './parts.ts';
import { type Dot, linePath, type Scale, spaced, stepPath, timeTicks } from './scale.ts';

/** One line of a chart. */
export interface Line {
  name: string;
  side: 'canary' | 'stable';
  dots: readonly Dot[];
  isStepped?: boolean;
}

/** A moment that stands in each chart. */
interface ChartMark {
  at: number;
  kind: string;
  label: string;
}

/** A chart of lines over time, as a picture and as a table. */
interface ChartProps {
  title: string;
  /** What it shows, in a sentence. */
  says: string;
  from: number;
  to: number;
  y: Scale;
  /** Where the axis of values is labelled. */
  ticks: readonly { value: number; label: string }[];
  lines: readonly Line[];
  marks: readonly ChartMark[];
  /** True if the marks have their labels here. */
  isLabelled?: boolean;
  /** A line that is not to be crossed, with what happens there. */
  limit?: { value: number; label: string };
  /** Height in rem. */
  height: number;
  shown(value: number): string;
}

const MARKS: Record<string, { line: string; sign: string; tone: string }> = {
  alarm: { line: 'alarm', sign: '⚠ ', tone: 'suspect' },
  revert: { line: 'revert', sign: '✖ ', tone: 'fail' },
  raise: { line: 'raise', sign: '↑ ', tone: 'faint' },
  lower: { line: 'other', sign: '↓ ', tone: 'faint' },
  end: { line: 'other', sign: '✔ ', tone: 'pass' },
};

/** Least distance of two labels, as a share of the width. */
const APART = 0.16;

/** Draws one. Text is HTML over the picture, so that it keeps its size on a phone. */
export function Chart(props: ChartProps): ComponentChildren {
  const { title, says, from, to, y, ticks, lines, marks, limit, height } = props;
  const x: Scale = (at) => Math.min(1, Math.max(0, (at - from) / Math.max(1, to - from)));
  const place = (share: number) => `${Math.round(share * 1000) / 10}%`;
  const vertical = (at: number, kind: string) =>
    h('line', {
      class: `line-${MARKS[kind]?.line ?? 'other'}`,
      ...{ x1: 100 * x(at), x2: 100 * x(at), y1: 0, y2: 100 },
    });
  const horizontal = (value: number, kind: string) =>
    h('line', { class: kind, x1: 0, x2: 100, y1: 100 - 100 * y(value), y2: 100 - 100 * y(value) });
  const paths = lines.flatMap(({ side, dots, isStepped }) => {
    const d = isStepped ? stepPath(dots, to, x, y) : linePath(dots, x, y);
    const line = h('path', { class: `line-${side}${side === 'canary' && !isStepped ? ' dashed' : ''}`, d });
    const begin = dots[0];
    if (!isStepped || begin === undefined) return [line];
    return [h('path', { class: 'area', d: `${d}L${100 * x(to)} 100L${100 * x(begin.at)} 100Z` }), line];
  });
  const labels = spaced(
    marks
      .filter(({ kind }) => kind !== 'pause' && kind !== 'resume')
      .toSorted((one, other) => weighed(other.kind) - weighed(one.kind))
      .map((mark) => ({ ...mark, place: x(mark.at) })),
    APART,
  );
  return h(
    'figure',
    null,
    h('figcaption', null, h('b', null, title), ` ${says}.`),
    lines.length > 1 && h(Legend, { lines }),
    h(
      'div',
      { class: 'plot', style: { height: `${height}rem` }, role: 'img', 'aria-label': `${title}: ${says}` },
      h(
        'svg',
        { viewBox: '0 0 100 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        ticks.map(({ value }) => horizontal(value, 'grid')),
        marks.map(({ at, kind }) => vertical(at, kind)),
        paths,
        limit && horizontal(limit.value, 'line-limit'),
      ),
      ticks.map(({ value, label }) => h('span', { class: 'y', style: { bottom: place(y(value)) } }, label)),
      timeTicks(from, to, 6).map((at, index) =>
        h(
          'span',
          {
            class: `x${index % 2 === 1 ? ' wide' : ''}${x(at) > 0.93 ? ' last' : ''}`,
            style: { left: place(x(at)) },
          },
          clock(at),
        ),
      ),
      limit && h('span', { class: 'limit', style: { bottom: place(y(limit.value)) } }, limit.label),
      props.isLabelled &&
        labels.map(({ kind, label, place: share }) => {
          const { sign, tone } = MARKS[kind] ?? { sign: '', tone: 'faint' };
          const side = share > 0.5 ? { right: place(1 - share) } : { left: place(share) };
          return h(
            'span',
            {
              class: `mark tone-${tone}${tone === 'faint' ? ' wide' : ''}`,
              style: { top: '-0.2rem', ...side },
            },
            sign,
            label,
          );
        }),
    ),
    h(AsTable, props),
  );
}

/** What matters most keeps its label. */
const weighed = (kind: string): number => ['raise', 'lower', 'end', 'alarm', 'revert'].indexOf(kind);

function Legend({ lines }: Pick<ChartProps, 'lines'>): ComponentChildren {
  return h(
    'div',
    { class: 'legend' },
    lines.map(({ name, side }) =>
      h(
        'span',
        null,
        h(
          'svg',
          { viewBox: '0 0 32 10', 'aria-hidden': 'true' },
          h('path', { class: `line-${side}${side === 'canary' ? ' dashed' : ''}`, d: 'M0 5H32' }),
        ),
        name,
      ),
    ),
  );
}

/** The same numbers for whoever reads better than they see. */
function AsTable({ title, lines, shown }: ChartProps): ComponentChildren {
  const moments = [...new Set(lines.flatMap(({ dots }) => dots.map(({ at }) => at)))].sort((a, b) => a - b);
  return h(
    'details',
    null,
    h('summary', null, `${title} as a table`),
    h(
      'div',
      { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': `${title}, table` },
      h(
        'table',
        null,
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            h('th', { scope: 'col' }, 'UTC'),
            lines.map(({ name }) => h('th', { scope: 'col', class: 'n' }, name)),
          ),
        ),
        h(
          'tbody',
          null,
          moments.map((at) =>
            h(
              'tr',
              null,
              h('th', { scope: 'row' }, clock(at, true)),
              lines.map(({ dots }) => {
                const value = dots.find((dot) => dot.at === at)?.value;
                return h('td', { class: 'n' }, value === undefined ? '–' : shown(value));
              }),
            ),
          ),
        ),
      ),
    ),
  );
}
