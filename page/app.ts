import { h, render } from 'preact';
import { LiveList } from './list.ts';
import { LiveRollout } from './rollout.ts';
import { LiveService } from './service.ts';

const [, kind = '', name = ''] = /^\/view\/(rollouts|services)\/([^/]+)$/.exec(location.pathname) ?? [];
const id = decodeURIComponent(name);
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
