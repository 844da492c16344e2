// The page behind a link. The token stands in the fragment, which no server sees; nothing is done until the button is pressed.

(() => {
  const POLL_MS = 5000;
  const ACTIONS = {
    view: { title: 'A rollout' },
    pause: {
      title: 'Pause this rollout?',
      button: 'Pause',
      consequence: 'The weight stays as it is until somebody resumes the rollout.',
      done: 'It is paused.',
    },
    abort: {
      title: 'Abort this rollout?',
      button: 'Abort',
      consequence: 'All traffic goes back to the version that served before, at once.',
      done: 'It is aborted: traffic goes back to the version that served before.',
    },
  };
  const at = (id) => document.getElementById(id);
  const write = (id, text) => {
    at(id).textContent = text;
  };

  const token = location.hash.slice(1);
  // The token leaves the address bar, the history entry and what is copied from them.
  history.replaceState(null, '', location.pathname);
  const claims = claimsIn(token);
  const { title, button, consequence, done } = ACTIONS[claims?.action] ?? {};
  if (title === undefined) {
    write('state', 'This is not a whole link. Open it as it was sent.');
    return;
  }
  const address = `/rollouts/${encodeURIComponent(claims.rolloutId)}`;
  // Whoever only looks is shown everything; the token goes on in the fragment.
  if (claims.action === 'view') {
    location.replace(`/view/rollouts/${encodeURIComponent(claims.rolloutId)}#${token}`);
    return;
  }
  write('title', title);
  write('where', `Environment ${claims.aud}`);
  document.title = `${title} ${claims.rolloutId}`;

  let isEnded = false;
  let tag;
  at('form').addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
  show();

  /** What a token says; whether it is genuine, the API finds out. */
  function claimsIn(text) {
    try {
      const part = text.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
      const said = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
      return typeof said.rolloutId === 'string' && Object.hasOwn(ACTIONS, said.action) ? said : undefined;
    } catch {
      return undefined;
    }
  }

  async function ask(path, init = {}) {
    const headers = { authorization: `Bearer ${token}`, ...init.headers };
    const response = await fetch(path, { ...init, headers, credentials: 'omit', cache: 'no-store' });
    const body = response.status === 304 ? undefined : await response.json();
    if (!response.ok && response.status !== 304) throw new Error(body.detail);
    return { body, tag: response.headers.get('etag') };
  }

  async function show() {
    try {
      const read = await ask(address, { headers: tag === undefined ? {} : { 'if-none-match': tag } });
      if (read.body !== undefined) draw(read.body);
      tag = read.tag ?? undefined;
    } catch (error) {
      // An abort works although nothing can be read, so the button is there all the same.
      write('state', `The rollout cannot be read: ${error.message}`);
      if (at('facts').hidden) facts([['Rollout', claims.rolloutId]]);
      offer();
    }
    if (!isEnded) setTimeout(show, document.hidden ? 3 * POLL_MS : POLL_MS);
  }

  function draw(view) {
    const { opening, targets, weights, state, outcome } = view;
    isEnded = outcome !== undefined;
    if (isEnded) write('title', 'This rollout has ended');
    write('state', state);
    facts([
      ['Service', opening.service],
      ['Release', opening.release],
      ['Rollout', opening.rolloutId],
      // The state says what serves after the end.
      ...(isEnded ? [] : targets).map(({ name, stable, canary }) => [
        name,
        `version ${canary} has ${weights[name] ?? 0} % of the traffic, version ${stable} the rest`,
      ]),
      ...(opening.commit === undefined ? [] : [['Commit', opening.commit]]),
      ...(opening.author === undefined ? [] : [['Author', opening.author]]),
    ]);
    if (isEnded) at('form').hidden = true;
    else offer();
  }

  function facts(rows) {
    const nodes = rows.flatMap(([name, value]) => [
      Object.assign(document.createElement('dt'), { textContent: name }),
      Object.assign(document.createElement('dd'), { textContent: value }),
    ]);
    at('facts').replaceChildren(...nodes);
    at('facts').hidden = false;
  }

  let isUsed = false;
  function offer() {
    if (button === undefined || isUsed) return;
    write('button', button);
    write('consequence', consequence);
    at('form').hidden = false;
  }

  async function act() {
    at('button').disabled = true;
    write('result', '');
    try {
      const { body } = await ask(`${address}/${claims.action}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ reason: at('reason').value }),
      });
      isUsed = true;
      at('form').hidden = true;
      // What happened since the first time, the state above says.
      write('result', body.isRepeated ? 'This link was used before; it has done nothing now.' : done);
    } catch (error) {
      write('result', `This failed: ${error.message}`);
      at('button').disabled = false;
    }
  }
})();
