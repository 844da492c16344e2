/** A word that this house does not use, or not in this sense. */
interface Banned {
  pattern: RegExp;
  /** What to write in its place. */
  instead: string;
  /** Uses of it. */
  examples: string[];
}

/** A use of a banned word that stays: this text, in this file. */
export interface Exception {
  file: string;
  text: string;
  why: string;
}

/** Every word that has a better one in this field, or a second sense beside that of docs/reference/words.md. */
export const BANNED: Banned[] = [
  {
    pattern: /\bmend(?:s|ed|ing)?\b/i,
    instead: 'fix',
    examples: ['the field and the mend', 'mended by hand'],
  },
  {
    pattern: /\b(?:take|takes|taken|taking|took)(?: (?!back)[\w']+){0,3} back\b/i,
    instead: 'revert; return to a lower weight',
    examples: ['takes a bad release back', 'it is taken back'],
  },
  {
    pattern:
      /\bpeople (?:is|are|were|be|being) called\b|\bcall(?:s|ed|ing)? (?:a person|people|nobody|somebody)\b/i,
    instead: 'page someone',
    examples: ['then people are called', 'it calls people'],
  },
  {
    pattern:
      /\bput(?:s|ting)? (?:the |a |its )?probes?\b|\bprobes? (?:that )?(?:is|are|was|were) put\b|\bunput/i,
    instead: 'run probes; skipped',
    examples: ['puts the probes', 'while the probes are put', 'unputWhy'],
  },
  { pattern: /dead[ -]?man/i, instead: 'watchdog', examples: ['the dead man', 'deadMan', 'dead-man.ts'] },
  {
    pattern: /\b(?:is|are|was|were|be|been|being) told\b(?! apart| from| otherwise)/i,
    instead: 'report, notify, publish',
    examples: ['everybody is told'],
  },
  {
    pattern: /\b(?:tell|told)[A-Z]\w*|\bTold\b|\.tell\b|\btell\(/,
    instead: 'report, notify, publish, narrate',
    examples: ['tellHooks', 'toldOf', 'completions.tell'],
  },
  { pattern: /\bwhat became of\b/i, instead: 'outcome of', examples: ['What became of a raise'] },
  {
    pattern: /[Ss]trangers?(?![a-z])/,
    instead: 'drift; a foreign version',
    examples: ['a stranger', 'strangers', 'isStranger', 'StrangerSeen'],
  },
  {
    pattern: /\b(?:un)?seal(?:s|ed|ing)?\b|\bsealed[A-Z]/i,
    instead: 'close the fence',
    examples: ['seal', 'sealed', 'unseal: true'],
  },
  {
    pattern: /\bways? out\b|way-out|wayOut/i,
    instead: 'revert, revert path; last-resort revert',
    examples: ['the last way out', 'way-out.ts', 'wayOut(seen)'],
  },
  {
    pattern: /\b(?:first|open|closed|missing|another|same) stamps?\b|\bStamp\b|\bstamp(?:Text|From|Of)\b/,
    instead: 'fencing token',
    examples: ['a closed stamp', 'Stamp', 'stampText'],
  },
  {
    pattern: /\bat the door\b/i,
    instead: 'before it was opened',
    examples: ['refused at the door'],
  },
  {
    pattern: /\b(?:a|its|their|whose|own|last|next) turns?\b|\b[a-zA-Z]+Turn\b|\bturnAt\b/,
    instead: 'reserved calls; when directed',
    examples: ['take a turn', 'waits for its turn', 'waitForTurn'],
  },
  {
    pattern: /\b(?!look)[a-z]+Again\b|\bAgain\b(?= =|;|<| \{)/,
    instead: 'retry, reopen, restart, recheck',
    examples: ['beginAgain', 'interface Again {'],
  },
  { pattern: /\bhold-?back\b|\bholds? back\b/i, instead: 'holdout', examples: ['holdBack', 'hold-back'] },
  {
    pattern:
      /\b(?:True|False|Absent|Present|Thrown|NaN|Infinity|never|none|broken|Unavailable)`?,? where\b|(?<!`)\bundefined where\b|@throws (?:RolloutError )?\w+ where\b|\bwhere (?:it is not said|(?:the|its) (?:function|file|caller|owner|account|log|plan) (?:has|says|asks|counts|takes|drops|does)|nobody|(?:it|that|this|they) (?:is|are|was|were|does|do|did|has|have) (?:not|no|never|none)\b)/i,
    instead: 'if (where is for a place)',
    examples: [
      'True where a version serves',
      '@throws RolloutError TargetInvalid where it is gone',
      'on AWS where it is not said',
      '`none` where the call is about none',
      'where the function counts them',
    ],
  },
  {
    pattern:
      /\b(?:person's|people's|plan's)(?: own)? orders?\b|(?<!in )\b[Aa]n order (?:to|that|of a person|past|which)\b|\b[Oo]rders? (?:to go on|to promote|to leave|to abort)\b/,
    instead: "command (an order is a release's number)",
    examples: ["only by a person's order", 'on an order to promote', 'once an order to leave it came'],
  },
  { pattern: /\bis called so\b/i, instead: 'unknown', examples: ['no source is called so'] },
  {
    pattern: /\bas far as counted\b/i,
    instead: 'metrics still arriving',
    examples: ['as far as counted yet'],
  },
];

/** Where a text uses banned words, and what to write instead. */
export function found(file: string, text: string, exceptions: Exception[] = []): string[] {
  const own = exceptions.filter((each) => each.file === file);
  return text.split('\n').flatMap((line, index) => {
    const left = own.reduce((rest, each) => rest.replaceAll(each.text, ''), line);
    return BANNED.filter(({ pattern }) => pattern.test(left)).map(
      ({ instead }) => `${file}:${index + 1}: ${instead}`,
    );
  });
}
