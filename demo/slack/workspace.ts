import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { tagged } from '../../api/answer.ts';
import { checked, jsonFrom } from '../../api/body.ts';
import { Refusal } from '../../api/problems.ts';
import { OWN_FILES } from '../../api/secure.ts';
import { SLACK, slackActions } from '../../api/slack.ts';
import type { Access } from '../../core/people/access.ts';
import { SlackClicks, type SlackContent, type SlackPerson } from '../../local/services/slack-clicks.ts';
import type { World } from '../../local/world.ts';
import { messagesHtml, type Shown } from './render.ts';

const TEAM = 'T0SHOP';
const APP = { id: 'A0SPILLWAY', team: TEAM };
const CHANNEL = '#deploys';

/** What the simulated Slack signs with. */
export const SIGNING_SECRET = 'simulated'.repeat(4).slice(0, 32);

/** Who reads along, and what they may do. */
const PEOPLE: (SlackPerson & { says: string })[] = [
  { id: 'U0ADA', name: 'ada', team: TEAM, says: 'Ada (may do all)' },
  { id: 'U0BEA', name: 'bea', team: TEAM, says: 'Bea (may do all)' },
  { id: 'U0CEM', name: 'cem', team: TEAM, says: 'Cem (may only read)' },
  { id: 'U0DAN', name: 'dan', team: 'T0OTHER', says: 'Dan (of another company)' },
];

/** The people of the simulated Slack, and the user of this machine, who may do everything here. */
export function slackAccess(user: string): Access {
  const may = ['ada', 'bea', user];
  return {
    people: { ada: [`slack:${TEAM}/U0ADA`], bea: [`slack:${TEAM}/U0BEA`] },
    groups: {},
    roles: { '*': { operator: may, approver: may, viewer: [`slack:${TEAM}/U0CEM`] } },
    believedSessions: [],
    slack: { teams: [TEAM], appId: APP.id },
    notify: { '*': [{ slack: CHANNEL }] },
  };
}

/** Where this is served, and what makes something happen. */
interface Here {
  /** The address of the server, once it listens. */
  url: string;
  command: string;
}

/** The simulated Slack of a world: the address to which its clicks go, signed, and the page on which it is read and pressed. */
export function slackOf(world: World, here: Here): Hono {
  const { access, clicks, slackSecret } = world.ports;
  const { slack = { teams: [], appId: '' } } = access;
  const people = new SlackClicks(
    { ...APP, signingSecret: SIGNING_SECRET, requestUrl: () => `${here.url}${SLACK}/actions` },
    world.clock,
    () => world.slack.messages,
  );
  world.slack.onAnswer = (request) => people.answer(request);
  people.send = fetch;
  const actions = slackActions({
    ...{ slack, signingSecret: slackSecret, clock: world.clock, hand: clicks.hand },
    refused: (why) => console.error(`Refused what Slack sent: ${why}`),
  });
  return new Hono().route('/', actions).route('/', page(world, people, here.command));
}

const FILES = { 'page.html': 'text/html', 'page.css': 'text/css', 'page.js': 'text/javascript' } as const;

const Person = z.enum(PEOPLE.map(({ id }) => id));
const Query = z.strictObject({ person: Person });
const Press = z.strictObject({
  person: Person,
  ts: z.string(),
  action: z.string(),
  inputs: z.record(z.string(), z.string()),
});

function page(world: World, people: SlackClicks, command: string): Hono {
  const file = (name: keyof typeof FILES) => () =>
    new Response(readFileSync(new URL(name, import.meta.url)), {
      headers: { 'content-type': `${FILES[name]}; charset=utf-8`, 'content-security-policy': OWN_FILES },
    });
  return new Hono()
    .get('/', file('page.html'))
    .get('/page.css', file('page.css'))
    .get('/page.js', file('page.js'))
    .get('/workspace', ({ json }) =>
      json({ channel: CHANNEL, people: PEOPLE.map(({ id, says }) => ({ id, says })), command }),
    )
    .get('/messages', ({ req }) => {
      const { person } = checked(req.query(), Query, '/query') as z.output<typeof Query>;
      const posted = world.slack.messages;
      const updates = posted.reduce((sum, each) => sum + each.updates, 0);
      const tag = `"${person}-${posted.length}-${updates}-${people.answers.length}"`;
      const html = { 'content-type': 'text/html; charset=utf-8' };
      return tagged(req.raw, tag, html, () => messagesHtml(shown(world, people), person));
    })
    .post('/press', async ({ req, json }) => {
      const pressed = (await jsonFrom(req.raw, Press)) as z.output<typeof Press>;
      const person = PEOPLE.find(({ id }) => id === pressed.person) as SlackPerson;
      if (!people.has(pressed))
        throw new Refusal('RequestInvalid', 'There is no such button any more.', { status: 404 });
      // What Slack shows a warning for.
      if (!(await people.press({ ...pressed, person })))
        throw new Refusal('Unavailable', 'The app did not answer in time, or refused the click.');
      return json({});
    });
}

/** Everything in the channel, and what people were answered there, in the order of its times. */
function shown({ slack }: World, { answers }: SlackClicks): Shown[] {
  const posted = slack.messages.map(({ content, ...each }) => ({ ...(content as SlackContent), ...each }));
  const answered = answers.map(({ content, person, ts }) => ({ ...content, ts, only: person }));
  return [...posted, ...answered].sort((one, other) => Number(one.ts) - Number(other.ts));
}
