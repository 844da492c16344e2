/**
 * Puts values in the place of each `${Name}` of a state machine's text. A name that is not given, or given and not
 * used, is an error: a state would call nothing, or a function would never be called.
 */
export function substituted(text: string, values: Record<string, string>): string {
  const used = new Set<string>();
  const result = text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new Error(
        `The state machine names \${${name}}, which is not provided; known are ${Object.keys(values).join(', ')}.`,
      );
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0)
    throw new Error(
      `The state machine does not use ${unused.join(', ')}; take them out, or name them in a state.`,
    );
  return result;
}
