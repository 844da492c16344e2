import built from '../../edge/built.json' with { type: 'json' };
import type { ResponseEvent, ViewerRequest, ViewerResponse } from '../../edge/event.ts';
import { edgeFunction, scriptOf } from '../../local/cdn/edge-function.ts';
import { type Case, NOW } from './cases.ts';

const functionOf = ({ asks, settings = { LAYOUT: 'dir' } }: Case) => ({
  code: built[asks],
  settings: { ...settings },
});

/** The function that a case asks, as a script that sets `run`. */
export const scriptFor = (given: Case): string => scriptOf(functionOf(given));

/** What a built function makes of an event, with nothing but what the runtime has. */
export async function asked(given: Case): Promise<Case['becomes']> {
  const { said, origin } = await edgeFunction(functionOf(given))(given.event, {
    now: NOW,
    read: (key) => (key === 'spillway' ? given.store : undefined),
  });
  return outcomeOf(said, origin);
}

/** What a request or an answer came to. */
function outcomeOf(said: ViewerRequest | ViewerResponse, origin?: string): Case['becomes'] {
  if ('uri' in said) {
    const ifNoneMatch = said.headers['if-none-match']?.value;
    return {
      uri: said.uri,
      ...(origin === undefined ? {} : { origin }),
      ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    };
  }
  const cookies = Object.entries((said as ResponseEvent['response']).cookies ?? {});
  return {
    status: said.statusCode,
    ...(said.body === undefined
      ? { cookies: Object.fromEntries(cookies.map(([name, { value }]) => [name, value])) }
      : {}),
  };
}
