import { describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../adapters/rollout-file.ts';
import { rolloutFileSchema } from '../../core/config/rollout-file.ts';
import { KINDS } from '../../targets/kinds.ts';
import { fakeClient, spillway } from '../cli/called.ts';
import { manifestFrom, rolloutFileFrom } from '../formats.ts';
import { files, textOf } from './project.ts';

const pages = files.filter((file) => file.endsWith('.md'));

/** What a fragment on a page is written into: it says only what the page is about. */
const AROUND = [
  { targets: { api: { lambda: 'f', alias: 'live' } }, smoke: [{ get: '/', expect: { status: 200 } }] },
  {
    targets: {
      orders: { lambda: 'f', alias: 'live', source: 'sqs', queue: 'q', dlq: 'd' },
      events: { lambda: 'g', alias: 'live', source: 'stream' },
    },
  },
];
const STEPS = {
  steps: [
    { weight: 5, bake: '5m' },
    { weight: 25, bake: '5m' },
  ],
};
const STRATEGIES = ['steps', 'linear', 'exponential', 'canary', 'strategy'];
const KEYS = Object.keys(rolloutFileSchema(KINDS).shape);

/** What is wrong with a rollout file, or with a part of one in whatever surroundings suit it best. */
function faultsOf(text: string): string[] {
  const parsed = parseRolloutFile(text, 'the example');
  if (typeof parsed !== 'object' || parsed === null) return ['it is no map'];
  if ('service' in parsed) return faultsIn(parsed);
  const steps = STRATEGIES.some((name) => name in parsed) ? {} : STEPS;
  const faults = AROUND.map((around) =>
    faultsIn({ service: 'shop', verify: '5m', ...around, ...steps, ...parsed }),
  );
  return faults.find(({ length }) => length === 0) ?? faults[0] ?? [];
}

function faultsIn(value: object): string[] {
  try {
    rolloutFileFrom(value);
    return [];
  } catch (error) {
    return String(error).split('\n');
  }
}

const blocks = (page: string, language: string): string[] =>
  [...textOf(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => text,
  );

/** The anchor that GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

const prose = (text: string): string => text.replace(/^ *```.*?^ *```/gms, '');

/** Links of a page to headings that their page does not have. */
const lostAnchors = (page: string, text: string): string[] =>
  [...text.matchAll(/\]\((?!https?:)(([^)#\s]*)#([^)\s]+))\)/g)].flatMap(([, link, path, anchor = '']) => {
    const other = path ? new URL(path, `file:///${page}`).pathname.slice(1) : page;
    const headings = files.includes(other) ? [...prose(textOf(other)).matchAll(/^#+ (.+)$/gm)] : [];
    return headings.some(([, heading = '']) => anchorOf(heading) === anchor) ? [] : [`${page}: ${link}`];
  });

/** Paths of the reader's own, of buckets and of secrets, and what is not in the repository. */
const ELSEWHERE =
  /^(answer\.json|app\/|\.sst\/|completions\/.*|releases\/.*|spillway\.json|\/?spillway\/.*)$/;

/** The files that a path on a page may mean: from the root, or the end of a path that was named before; `*` and `<kind>` stand for any. */
function filesAt(path: string): string[] {
  const any = path.replace(/[.]/g, '\\.').replace(/<[\w-]+>|\*/g, '[^/]*');
  const pattern = new RegExp(`${/\/./.test(path) ? '^' : '(^|/)'}${any}${path.endsWith('/') ? '' : '$'}`);
  return files.filter((file) => pattern.test(file));
}

/** Files and folders that a text names and that are not there. */
const lostFiles = (text: string): string[] =>
  [...prose(text).matchAll(/`(?:\.\/)?([\w./<>*-]+(?:\.(?:[cm]?[jt]s|json|md|ya?ml)|\/))`/g)]
    .map(([, path = '']) => path)
    .filter((path) => !ELSEWHERE.test(path) && filesAt(path).length === 0);

/** Names that a text says are in a file of code, and that are not: "`next` in `next.ts`" or "`next.ts`, `next`". */
function lostNames(text: string): string[] {
  const name = '`[A-Za-z_]\\w*`';
  const path = '`([\\w./<>*-]+\\.[cm]?[jt]s)`';
  const says = prose(text);
  return [
    ...[...says.matchAll(new RegExp(`((?:${name}(?:, | and ))*${name})\\s(?:of|in)\\s${path}`, 'g'))].map(
      ([, names = '', file = '']) => ({ names, file }),
    ),
    ...[...says.matchAll(new RegExp(`(?<!(?:of|in)\\s)${path}, (${name})(?!\\s(?:of|in)\\s)`, 'g'))].map(
      ([, file = '', names = '']) => ({ names, file }),
    ),
  ].flatMap(({ names, file }) =>
    [...names.matchAll(/\w+/g)].flatMap(([each]) =>
      filesAt(file).some((one) => new RegExp(`\\b${each}\\b`).test(textOf(one)))
        ? []
        : [`${each} in ${file}`],
    ),
  );
}

const isWorkflow = (text: string) => /^jobs:/m.test(text);

/** Parts of rollout files within sentences and tables, such as `probe: { every: 2s }`. */
const inline = (page: string): string[] =>
  [...textOf(page).matchAll(/`([A-Za-z]+): ([{[][^`]*[}\]])`/g)].flatMap(([, key = '', value = '']) =>
    KEYS.includes(key) ? [`${key}: ${value}`] : [],
  );

describe('the pages', () => {
  test.each(
    pages.flatMap((page) =>
      blocks(page, 'yaml')
        .filter((text) => !isWorkflow(text))
        .map((text) => [page, text]),
    ),
  )('in %s: each block of YAML is a rollout file, or a part of one, that is accepted', (_, text) =>
    expect(faultsOf(text)).toEqual([]),
  );

  test.each(pages.flatMap((page) => inline(page).map((text) => [page, text])))(
    'in %s: %s is accepted',
    (_, text) => expect(faultsOf(text)).toEqual([]),
  );

  test('examples are found, and one that is wrong is refused', () => {
    expect(pages.filter((page) => blocks(page, 'yaml').length > 0).length).toBeGreaterThan(3);
    expect(pages.flatMap(inline).length).toBeGreaterThan(8);
    expect(faultsOf('probe: { evry: 2s }')).not.toEqual([]);
    expect(faultsOf('limits: { dlqNew: -1 }')).not.toEqual([]);
  });

  test('hold manifests that are accepted', () => {
    const manifests = pages
      .flatMap((page) => blocks(page, 'json'))
      .filter((text) => text.includes('"schema"'));
    expect(manifests.length).toBeGreaterThan(0);
    for (const text of manifests) {
      const { service, release, environment } = JSON.parse(text);
      expect(() =>
        manifestFrom(new TextEncoder().encode(text), { service, release }, environment),
      ).not.toThrow();
    }
  });

  test('link to what is there', () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].flatMap(([, link = '']) => {
        const path = new URL(link, `file:///${page}`).pathname.slice(1);
        return files.some((file) => file === path || file.startsWith(`${path}/`)) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  test('link to headings that there are', () => {
    expect(pages.flatMap((page) => lostAnchors(page, textOf(page)))).toEqual([]);
    expect(lostAnchors('docs/tour.md', '[a](#nowhere) [b](safety.md#nowhere) [c](README.md)')).toEqual([
      'docs/tour.md: #nowhere',
      'docs/tour.md: safety.md#nowhere',
    ]);
  });

  test('name files of the project that there are', () => {
    expect(told.flatMap((page) => lostFiles(textOf(page)))).toEqual([]);
    const gone = ['core/gone.ts', 'gone.ts', 'adapters/<kind>-gone.ts', 'gone/'];
    expect(lostFiles(gone.map((path) => `\`${path}\``).join(' '))).toEqual(gone);
    expect(lostFiles('`core/rollout/next.ts` `next.ts` `adapters/<kind>-hook.ts` `core/`')).toEqual([]);
  });

  test('name what is in those files', () => {
    expect(told.flatMap((page) => lostNames(textOf(page)))).toEqual([]);
    const said =
      '`gone` and `next` in `next.ts`. `next.ts`, `missing`. `METRICS` of `core/analysis/metrics.ts`';
    expect(lostNames(said)).toEqual(['gone in next.ts', 'missing in next.ts']);
  });

  test('are all named by the list of pages', () => {
    const list = textOf('docs/README.md');
    const named = [...list.matchAll(/\]\(([^)#]+)/g)].map(([, link]) => `docs/${link}`);
    const own = files.filter((file) => /^docs\/.*\.(md|json)$/.test(file) && file !== 'docs/README.md');
    expect(own.filter((page) => !named.includes(page))).toEqual([]);
  });

  test('number the decisions in order, each with one number', () => {
    const decisions = files.filter((file) => file.startsWith('docs/decisions/'));
    const numbers = decisions.map((file) => Number(/\/(\d+)-/.exec(file)?.[1]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    const titles = decisions.map((file) => Number(/^# (\d+)\. /.exec(textOf(file))?.[1]));
    expect(titles).toEqual(numbers);
    const listed = [...textOf('docs/README.md').matchAll(/^(\d+)\. \[.*\]\(decisions\/(\d+)-/gm)];
    expect(listed.map(([, number, file]) => [Number(number), Number(file)])).toEqual(
      numbers.map((n) => [n, n]),
    );
  });

  test('name scripts and benchmarks that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json'));
    const known = new Set(['ci', ...Object.keys(scripts)]);
    const called = told.flatMap((page) =>
      // A workflow of the reader's own may run scripts of their own.
      [
        ...textOf(page)
          .replace(/^```yaml\n.*?^```/gms, '')
          .matchAll(/\bnpm run ([a-z][\w:-]*)/g),
      ].map(([, name = '']) => ({ page, name })),
    );
    expect(called.length).toBeGreaterThan(20);
    expect(called.filter(({ name }) => !known.has(name))).toEqual([]);
    const benches = told.flatMap((page) =>
      [...textOf(page).matchAll(/\bnpm run bench -- (\w+)/g)].map(([, name]) => name),
    );
    expect(benches.filter((name) => !textOf('scripts/bench.ts').includes(`\n  ${name}: {`))).toEqual([]);
  });
});

/** Pages about what is there now; the list of changes tells of the past. */
const told = pages.filter((page) => page !== 'CHANGELOG.md');

/** The words of a command as a shell would part them. */
const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

const FILE = new URL('../../examples/checkout-api/rollout.yaml', import.meta.url).pathname;

/** A command of a page with something real in place of what the reader puts there. */
const filled = (command: string): string[] =>
  words(
    command
      .replace(/\$\{\{.*?\}\}/g, '8')
      .replace(/--environment production/, '--local')
      .replace(/ --wait\b/, '')
      // One of each is enough to see that the call is right.
      .replace(/^rehearse .*/, '$& --runs 1'),
  ).map((word) =>
    word === 'ROLLOUT' ? 'checkout-api--r8--1' : /^(FILE|rollout\.yaml)$/.test(word) ? FILE : word,
  );

describe('each command on a page is called as the command line wants it', () => {
  const commands = told.flatMap((page) =>
    [...textOf(page).matchAll(/npm run spillway -- ([^`\n#]+)/g)].map(([, command = '']) => [
      page,
      command.trim(),
    ]),
  );
  test.each(commands)('%s: %s', async (_, command = '') => {
    const { code, err } = await spillway(fakeClient().client, ...filled(command));
    expect({ code, err }).not.toMatchObject({ code: 2 });
  });

  test('and one that is not would be found', async () => {
    expect(await spillway(fakeClient().client, ...filled('status ROLLOUT --locale'))).toMatchObject({
      code: 2,
    });
  });
});

test.each(files.filter((file) => /^examples\/.*\.ya?ml$/.test(file)))(
  '%s is a good rollout file',
  async (file) => {
    const path = new URL(`../../${file}`, import.meta.url).pathname;
    expect(await spillway(fakeClient().client, 'validate', path)).toMatchObject({ code: 0, err: '' });
  },
);
