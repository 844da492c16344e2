/** What captured values and secrets may be. */
export type Value = string | number | boolean;

/** `{{name}}` stands for a value; `\{{name}}` is the text `{{name}}` itself. */
const MARK = /(\\?)\{\{ *([A-Za-z][\w-]{0,39}) *\}\}/g;
const WHOLE = /^\{\{ *([A-Za-z][\w-]{0,39}) *\}\}$/;

/** The names that stand in the texts of a value, at any depth, each once. */
export function namesIn(value: unknown): string[] {
  const texts = textsIn(value);
  const found = texts.flatMap((text) => [...text.matchAll(MARK)].filter(([, backslash]) => backslash === ''));
  return [...new Set(found.map(([, , name = '']) => name))];
}

/** The same text with its names replaced; one that has no value stays as it is. */
export function filledText(
  text: string,
  values: Record<string, Value>,
  encode: (value: string) => string = String,
): string {
  return text.replace(MARK, (mark: string, backslash: string, name: string) => {
    if (backslash !== '') return mark.slice(1);
    return Object.hasOwn(values, name) ? encode(String(values[name])) : mark;
  });
}

/** The same JSON with the names in its texts replaced; a text that is nothing but a name becomes the value itself, so that a number stays one. */
export function filled<T>(value: T, values: Record<string, Value>): T {
  return fill(value, values) as T;
}

function fill(value: unknown, values: Record<string, Value>): unknown {
  if (typeof value === 'string') {
    const name = WHOLE.exec(value)?.[1];
    return name !== undefined && Object.hasOwn(values, name) ? values[name] : filledText(value, values);
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, values));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, values)]));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
