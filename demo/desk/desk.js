// The page from which the embedded world is played with.

(() => {
  const result = document.getElementById('result');
  for (const button of document.querySelectorAll('button'))
    button.addEventListener('click', async () => {
      for (const each of document.querySelectorAll('button')) each.disabled = true;
      result.textContent = 'One moment…';
      try {
        const answer = await fetch(`/desk/${button.dataset.act}`, { method: 'POST' });
        const { rolloutId, says, detail } = await answer.json();
        if (!answer.ok) throw new Error(detail);
        if (rolloutId !== undefined) location.assign(`/view/rollouts/${encodeURIComponent(rolloutId)}`);
        else result.textContent = says;
      } catch (error) {
        result.textContent = `That failed: ${error.message}`;
      } finally {
        for (const each of document.querySelectorAll('button')) each.disabled = false;
      }
    });
  fetch('/desk/shop').then(async (answer) => {
    const { url } = await answer.json();
    const link = Object.assign(document.createElement('a'), { href: url, textContent: 'The web shop' });
    const item = document.getElementById('shop');
    item.append(link, ', a static site with its API, behind a CDN of this world.');
    item.hidden = false;
  });
})();
