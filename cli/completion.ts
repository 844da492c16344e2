import { COMMANDS } from './commands.ts';

/** A word that may stand next on the command line. */
interface Proposal {
  word: string;
  does: string;
}

/** What may stand where the last of these words is being typed; nothing where a file or a name of the user's own belongs. */
export function proposals(words: readonly string[]): Proposal[] {
  const [name = '', ...rest] = words[0] === 'help' ? words.slice(1) : words;
  const typed = words.at(-1) ?? '';
  const begun = (all: Proposal[]) => all.filter(({ word }) => word.startsWith(typed));
  if (rest.length === 0)
    return begun(Object.entries(COMMANDS).map(([word, { call }]) => ({ word, does: call.does })));
  const call = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.call : undefined;
  if (call === undefined) return [];
  const before = call.options[words.at(-2)?.replace(/^--/, '') ?? ''];
  if (before?.value !== undefined && words.at(-2)?.startsWith('--'))
    return begun((before.oneOf ?? []).map((word) => ({ word, does: '' })));
  if (!typed.startsWith('-')) return rest.length === 1 ? begun(choices(call.takes[0])) : [];
  const given = words.slice(0, -1);
  return begun(
    Object.entries(call.options).flatMap(([key, { does, isMany }]) =>
      given.includes(`--${key}`) && !isMany ? [] : [{ word: `--${key}`, does }],
    ),
  );
}

/** The words of an argument that must be one of them, such as `bash|zsh`. */
const choices = (takes = ''): Proposal[] =>
  takes.includes('|') ? takes.split('|').map((word) => ({ word, does: '' })) : [];
