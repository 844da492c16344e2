import { UsageError } from '../call.ts';
import type { COMPLETION, GivenTo } from '../calls.ts';
import { sayRaw } from '../print.ts';

/** What each shell is to evaluate; it asks the hidden command `complete` with the words so far. */
export const SCRIPTS: Record<string, string> = {
  bash: `# eval "$(spillway completion bash)"
_spillway() {
  local IFS=$'\\n'
  COMPREPLY=($(spillway complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null | cut -f 1))
}
complete -o default -F _spillway spillway`,
  zsh: `# eval "$(spillway completion zsh)"
_spillway() {
  local -a found
  found=("\${(@f)$(spillway complete "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  found=("\${(@)found/$'\\t'/:}")
  if [[ -n "$found" ]]; then _describe -V spillway found; else _files; fi
}
compdef _spillway spillway`,
  fish: `# spillway completion fish | source
complete -c spillway -a '(spillway complete (commandline -opc)[2..] (commandline -ct) 2> /dev/null)'`,
};

/** Prints what a shell is to evaluate. */
export async function completion({ args: [shell = ''] }: GivenTo<typeof COMPLETION>): Promise<number> {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined)
    throw new UsageError(`"${shell}" is no shell known here; there are ${Object.keys(SCRIPTS).join(', ')}`);
  sayRaw(script);
  return 0;
}
