import { h, render } from 'preact';
import { useToken } from './ask.ts';
import { LiveList } from './list.ts';
import { LiveRollout } from './rollout.ts';
import { LiveService } from './service.ts';

const [, kind = '', name = ''] = /^\/view\/(rollouts|services)\/([^/]+)$/.exec(location.pathname) ?? [];
const id = decodeURIComponent(name);
if (location.hash.startsWith('#ey')) {
  useToken(location.hash.slice(1));
  // The token leaves the address bar, the history entry and what is copied from them.
  history.replaceState(null, '', location.pathname);
}
const root = document.getElementById('page') as HTMLElement;
root.replaceChildren();
render(
  kind === 'rollouts'
    ? h(LiveRollout, { rolloutId: id })
    : kind === 'services'
      ? h(LiveService, { service: id })
      : h(LiveList, null),
  root,
);
