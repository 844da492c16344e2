import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Choice } from '../core/people/choice.ts';
import { give, whyOf } from './ask.ts';

/** What can be ordered, each with what it will do; only what the caller may. */
export function Acts({
  rolloutId,
  choices,
  may,
  isStale,
  done,
}: {
  rolloutId: string;
  choices: readonly Choice[];
  may(choice: Choice): boolean;
  isStale: boolean;
  /** Called once something was ordered. */
  done(): void;
}): ComponentChildren {
  const [asked, ask] = useState<Choice | undefined>();
  const [result, say] = useState('');
  const allowed = choices.filter(may);
  const refused = choices.filter((choice) => !may(choice));
  if (choices.length === 0) return null;
  return h(
    'div',
    { class: 'acts' },
    allowed.map((choice) =>
      h(
        'div',
        { class: 'act', key: choice.command },
        h(
          'button',
          { type: 'button', class: choice.style ?? '', onClick: () => ask(choice) },
          `${choice.label}…`,
        ),
        h('span', null, choice.does),
      ),
    ),
    refused.length > 0 &&
      h(
        'p',
        { class: 'faint small' },
        `${refused.map(({ label }) => label).join(', ')}: for people with the role ${[...new Set(refused.map(({ needs }) => needs))].join(' or ')}.`,
      ),
    h('p', { role: 'status', class: 'small' }, result),
    asked !== undefined &&
      h(Confirm, {
        ...{ rolloutId, isStale, choice: asked },
        close(said) {
          ask(undefined);
          if (said === undefined) return;
          say(said);
          done();
        },
      }),
  );
}

/** Asks once more, says what will happen, and takes a reason. */
function Confirm({
  rolloutId,
  choice,
  isStale,
  close,
}: {
  rolloutId: string;
  choice: Choice;
  isStale: boolean;
  close(said?: string): void;
}): ComponentChildren {
  const { command, label, does, style, hasReason, step, gate, page } = choice;
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  // One dialog gives one command, however often it has to be sent.
  const key = useRef(crypto.randomUUID());
  const [fault, fail] = useState('');
  const [isSent, send] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    send(true);
    fail('');
    try {
      const which = { step, gate, page };
      const body = { ...which, ...(hasReason ? { reason: reason.current?.value ?? '' } : {}) };
      await give(`/rollouts/${encodeURIComponent(rolloutId)}/${command}`, body, key.current);
      close(`${label}: accepted.`);
    } catch (error) {
      fail(whyOf(error));
      send(false);
    }
  };
  return h(
    'dialog',
    { ref: dialog, 'aria-labelledby': 'asked', onClose: () => close() },
    h(
      'form',
      { onSubmit: submit },
      h('h2', { id: 'asked' }, `${label} ${rolloutId}?`),
      h('p', null, does),
      isStale &&
        h('p', { class: 'stale' }, '⚠ There is no contact now: what you see may be old, and this may fail.'),
      hasReason && [
        h('label', { htmlFor: 'reason' }, 'Reason, for readers of the journal'),
        h('input', { id: 'reason', ref: reason, maxLength: 500, autoComplete: 'off' }),
      ],
      h('p', { role: 'alert', class: 'tone-fail' }, fault),
      h(
        'div',
        { class: 'buttons' },
        h(
          'button',
          { type: 'submit', class: style === 'danger' ? 'sure' : 'primary', disabled: isSent },
          label,
        ),
        h('button', { type: 'button', onClick: () => dialog.current?.close() }, 'Cancel'),
      ),
    ),
  );
}
