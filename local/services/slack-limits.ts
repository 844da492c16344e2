/** What Slack takes of a message (its reference of blocks and composition objects; @slack/types has the same numbers). The last one is not documented: messages between 9,600 and 11,300 characters were refused (bolt-js issue 2867). */
const LIMITS = {
  text: 40_000,
  blocks: 50,
  attachments: 100,
  sectionText: 3_000,
  fields: 10,
  fieldText: 2_000,
  headerText: 150,
  contextElements: 10,
  actionsElements: 25,
  buttonText: 75,
  buttonValue: 2_000,
  url: 3_000,
  id: 255,
  confirmTitle: 100,
  confirmText: 300,
  confirmButton: 30,
  label: 2_000,
  inputLength: 3_000,
  all: 9_000,
};

type Fields = Readonly<Record<string, unknown>>;

/** What Slack has against a message; nothing if it takes it. */
export function problemsOf(message: Fields): string[] {
  const problems: string[] = [];
  let all = 0;
  const ids = new Set<string>();
  const says = (path: string, what: string): undefined => {
    problems.push(`${path}: ${what}`);
  };

  const fieldsIn = (value: unknown, path: string, known: readonly string[]): Fields => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      says(path, 'is no object');
      return {};
    }
    for (const key of Object.keys(value)) if (!known.includes(key)) says(`${path}.${key}`, 'is not known');
    return value as Fields;
  };
  const listIn = (value: unknown, path: string, max: number): unknown[] => {
    if (!Array.isArray(value)) {
      says(path, 'is no list');
      return [];
    }
    if (value.length === 0) says(path, 'is empty');
    if (value.length > max) says(path, `has ${value.length} entries, and ${max} are taken`);
    return value;
  };
  const textIn = (value: unknown, path: string, max: number, min = 1): undefined => {
    if (typeof value !== 'string') return says(path, 'is no text');
    if (value.length < min || value.length > max) says(path, `has ${value.length} characters of ${max}`);
    if (!value.isWellFormed()) says(path, 'holds half a character');
    all += value.length;
  };
  const textObject = (value: unknown, path: string, max: number, isPlain = false): undefined => {
    const { type, text, emoji } = fieldsIn(value, path, ['type', 'text', 'emoji', 'verbatim']);
    if (type !== 'plain_text' && (isPlain || type !== 'mrkdwn')) says(path, `is of the type ${String(type)}`);
    if (type === 'mrkdwn' && emoji !== undefined) says(`${path}.emoji`, 'is for plain text alone');
    textIn(text, `${path}.text`, max);
    if (type === 'mrkdwn' && typeof text === 'string') markup(text, path);
  };
  /** Mentions of everybody, and ends of markup that was cut. */
  const markup = (text: string, path: string): void => {
    if (/<!(channel|here|everyone|subteam)/.test(text)) says(path, 'mentions everybody');
    if (/<@/.test(text)) says(path, 'mentions somebody');
    if (/&(?!(?:amp|lt|gt);)/.test(text)) says(path, 'has a broken entity');
    if (/<(?!!date\^|https?:)/.test(text) || /<[^>]*$/.test(text)) says(path, 'has a < that is not escaped');
  };
  const id = (value: unknown, path: string): undefined => {
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value.length > LIMITS.id) says(path, 'is no id');
  };
  const element = (value: unknown, path: string): undefined => {
    const known = ['type', 'action_id', 'text', 'value', 'url', 'style', 'confirm', 'accessibility_label'];
    const button = fieldsIn(value, path, known);
    if (button.type !== 'button') return says(path, `is of the type ${String(button.type)}`);
    textObject(button.text, `${path}.text`, LIMITS.buttonText, true);
    id(button.action_id, `${path}.action_id`);
    if (button.value !== undefined && String(button.value).length > LIMITS.buttonValue)
      says(`${path}.value`, 'is too long');
    if (
      button.url !== undefined &&
      (String(button.url).length > LIMITS.url || !URL.canParse(String(button.url)))
    )
      says(`${path}.url`, 'is no address, or too long');
    if (button.style !== undefined && button.style !== 'primary' && button.style !== 'danger')
      says(`${path}.style`, 'is not known');
    if (button.confirm === undefined) return undefined;
    const confirm = fieldsIn(button.confirm, `${path}.confirm`, [
      'title',
      'text',
      'confirm',
      'deny',
      'style',
    ]);
    textObject(confirm.title, `${path}.confirm.title`, LIMITS.confirmTitle, true);
    textObject(confirm.text, `${path}.confirm.text`, LIMITS.confirmText);
    textObject(confirm.confirm, `${path}.confirm.confirm`, LIMITS.confirmButton, true);
    textObject(confirm.deny, `${path}.confirm.deny`, LIMITS.confirmButton, true);
  };
  const block = (value: unknown, path: string): undefined => {
    const { type, block_id } = Object(value) as Fields;
    id(block_id, `${path}.block_id`);
    if (typeof block_id === 'string') {
      if (ids.has(block_id)) says(`${path}.block_id`, 'is there twice');
      ids.add(block_id);
    }
    const given = (known: string[]) => fieldsIn(value, path, ['type', 'block_id', ...known]);
    switch (type) {
      case 'section': {
        const { text, fields } = given(['text', 'fields', 'accessory']);
        if (text === undefined && fields === undefined) says(path, 'has neither text nor fields');
        if (text !== undefined) textObject(text, `${path}.text`, LIMITS.sectionText);
        if (fields === undefined) return undefined;
        const all = listIn(fields, `${path}.fields`, LIMITS.fields);
        for (const [at, each] of all.entries()) textObject(each, `${path}.fields.${at}`, LIMITS.fieldText);
        return undefined;
      }
      case 'header':
        return textObject(given(['text']).text, `${path}.text`, LIMITS.headerText, true);
      case 'divider':
        given([]);
        return undefined;
      case 'context': {
        const { elements } = given(['elements']);
        const all = listIn(elements, `${path}.elements`, LIMITS.contextElements);
        for (const [at, each] of all.entries())
          textObject(each, `${path}.elements.${at}`, LIMITS.sectionText);
        return undefined;
      }
      case 'actions': {
        const { elements } = given(['elements']);
        const all = listIn(elements, `${path}.elements`, LIMITS.actionsElements);
        for (const [at, each] of all.entries()) element(each, `${path}.elements.${at}`);
        const own = all.map((each) => Object(each).action_id).filter((each) => each !== undefined);
        if (new Set(own).size < own.length) says(path, 'has an action_id twice');
        return undefined;
      }
      case 'input': {
        const { label, element: input } = given(['label', 'element', 'optional', 'hint', 'dispatch_action']);
        textObject(label, `${path}.label`, LIMITS.label, true);
        const known = [
          'type',
          'action_id',
          'max_length',
          'min_length',
          'placeholder',
          'multiline',
          'initial_value',
        ];
        const { type: kind, max_length, action_id } = fieldsIn(input, `${path}.element`, known);
        if (kind !== 'plain_text_input') says(`${path}.element`, `is of the type ${String(kind)}`);
        if (Number(max_length ?? 0) > LIMITS.inputLength) says(`${path}.element.max_length`, 'is too long');
        return id(action_id, `${path}.element.action_id`);
      }
      default:
        return says(path, `is of the type ${String(type)}`);
    }
  };
  const blocksIn = (value: unknown, path: string): void => {
    const all = listIn(value, path, LIMITS.blocks);
    for (const [at, each] of all.entries()) block(each, `${path}.${at}`);
  };

  const { text, blocks, attachments } = message;
  if (text === undefined && blocks === undefined && attachments === undefined)
    says('message', 'says nothing');
  if (text !== undefined) {
    if (typeof text !== 'string' || text === '' || text.length > LIMITS.text)
      says('text', 'is no text, or too long');
    else {
      markup(text, 'text');
      if (!text.isWellFormed()) says('text', 'holds half a character');
    }
  }
  if (blocks !== undefined) blocksIn(blocks, 'blocks');
  if (attachments !== undefined && Array.isArray(attachments)) {
    if (attachments.length > LIMITS.attachments) says('attachments', 'are too many');
    for (const [at, each] of attachments.entries()) {
      const attachment = fieldsIn(each, `attachments.${at}`, ['color', 'fallback', 'blocks', 'text']);
      if (attachment.color !== undefined && !/^#[0-9a-f]{6}$/i.test(String(attachment.color)))
        says(`attachments.${at}.color`, 'is no colour');
      if (attachment.blocks !== undefined) blocksIn(attachment.blocks, `attachments.${at}.blocks`);
    }
  }
  if (all > LIMITS.all)
    says('message', `has ${all} characters in its blocks, and about ${LIMITS.all} are taken`);
  return problems;
}
