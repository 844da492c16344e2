import { h, render } from 'preact';
import { Rollout, type Shown } from './rollout.ts';

// A rollout that was saved with its page: what it shows stands in the file.
const root = document.getElementById('page') as HTMLElement;
const shown = JSON.parse(document.getElementById('shown')?.textContent ?? '') as Shown;
root.replaceChildren();
render(h(Rollout, { shown }), root);
