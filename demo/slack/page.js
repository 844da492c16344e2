// The page of the simulated Slack. The server lays messages out; this shows them, and says what somebody pressed.

(() => {
  const POLL_MS = 1000;
  const at = (id) => document.getElementById(id);
  const messages = at('messages');
  const person = at('person');
  let tag = '';

  async function refresh() {
    const answer = await fetch(`/slack/messages?person=${encodeURIComponent(person.value)}`, {
      headers: tag === '' ? {} : { 'if-none-match': tag },
    });
    if (answer.status === 200) {
      tag = answer.headers.get('etag') ?? '';
      show(await answer.text());
    }
  }

  // What stands in inputs, and which threads are open, is the reader's own.
  function show(html) {
    const keyOf = (input) => `${input.dataset.ts} ${input.name}`;
    const typed = new Map([...messages.querySelectorAll('input')].map((each) => [keyOf(each), each.value]));
    const open = new Set([...messages.querySelectorAll('details[open]')].map((each) => each.dataset.ts));
    const focused = document.activeElement;
    const focus = focused instanceof HTMLInputElement ? keyOf(focused) : undefined;
    const cursor = focus === undefined ? null : focused.selectionStart;
    const isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
    messages.innerHTML = html;
    for (const input of messages.querySelectorAll('input')) {
      input.value = typed.get(keyOf(input)) ?? '';
      if (keyOf(input) !== focus) continue;
      input.focus();
      input.setSelectionRange(cursor, cursor);
    }
    for (const thread of messages.querySelectorAll('details')) thread.open = open.has(thread.dataset.ts);
    at('empty').hidden = html.trim() !== '';
    if (isAtEnd) messages.scrollTop = messages.scrollHeight;
  }

  function confirmed({ title, text, confirm, deny, style }) {
    at('confirm-title').textContent = title;
    at('confirm-text').textContent = text;
    at('confirm-no').textContent = deny;
    at('confirm-yes').textContent = confirm;
    at('confirm-yes').className = `button ${style}`;
    const dialog = at('confirm');
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => resolve(dialog.returnValue === 'yes');
    });
  }

  async function press(button) {
    const { ts, action, confirm } = button.dataset;
    if (confirm !== undefined && !(await confirmed(JSON.parse(confirm)))) return;
    const inputs = {};
    for (const input of messages.querySelectorAll('input'))
      if (input.dataset.ts === ts) inputs[input.name] = input.value;
    button.classList.add('waiting');
    const answer = await fetch('/slack/press', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-spillway': '1' },
      body: JSON.stringify({ person: person.value, ts, action, inputs }),
    });
    button.classList.remove('waiting');
    button.classList.toggle('failed', !answer.ok);
    await refresh();
  }

  messages.addEventListener('click', (event) => {
    const button = event.target.closest('[data-action]');
    if (button !== null) press(button).catch(() => button.classList.add('failed'));
  });
  person.addEventListener('change', () => {
    tag = '';
    refresh().catch(() => {});
  });

  async function begin() {
    const { channel, people, command } = await (await fetch('/slack/workspace')).json();
    for (const id of ['channel', 'here']) at(id).textContent = channel;
    at('command').textContent = command;
    for (const { id, says } of people) person.append(new Option(says, id));
    for (;;) {
      await refresh().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  begin().catch(() => {
    at('channel').textContent = 'The embedded world does not answer; is "npm run dev" running?';
  });
})();
