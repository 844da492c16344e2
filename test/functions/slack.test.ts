import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SLACK } from '../../api/slack.ts';
import { type Access, NO_ACCESS } from '../../core/people/access.ts';
import type { PageNote } from '../../core/people/page.ts';
import { signedClick } from '../../core/people/signed-click.ts';
import { lambda } from '../../functions/_lambda.ts';
import type { UrlAnswer } from '../../functions/_url.ts';
import { apiPublic } from '../../functions/api-public.ts';
import { slackAction } from '../../functions/slack-action.ts';
import { ALIAS } from '../../local/account.ts';
import type { World } from '../../local/world.ts';
import { APP, type ClickOptions, formOf, payloadOf, SECRET, signedBy, TEAM } from '../api/click.ts';
import { deployed, FUNCTION, ID, released } from '../api/stage.ts';
import { EMPTY } from '../empty.ts';

/** Ada and Bea may give commands, two leads and one more may approve, and Dan may read. */
const ACCESS: Access = {
  ...NO_ACCESS,
  people: { ada: [`slack:${TEAM}/U1`], bea: [`slack:${TEAM}/U2`] },
  groups: { leads: [`slack:${TEAM}/U3`, `slack:${TEAM}/U5`] },
  roles: {
    '*': {
      operator: ['ada', 'bea'],
      approver: ['leads', `slack:${TEAM}/U6`],
      viewer: [`slack:${TEAM}/U4`],
    },
  },
  slack: { teams: [TEAM], appId: APP },
};

/** A world whose people use Slack. Each click goes through the function URL, and is carried out after its answer. */
async function inSlack(access: Access = ACCESS) {
  const replies: { to: string; text: string }[] = [];
  const underWay: Promise<unknown>[] = [];
  const deliveries = { copies: 1, slack: 'up' as 'up' | 'down' | 'silent' };
  let ports: World['ports'];
  const world = await deployed({
    changePorts(made) {
      const carryOut = lambda(slackAction, () => ports);
      ports = {
        ...made,
        access,
        slackSecret: async () => SECRET,
        clicks: {
          async hand(click) {
            for (let nth = 0; nth < deliveries.copies; nth++)
              underWay.push(carryOut(await signedClick(click, ports)));
          },
        },
        slackReplies: {
          async reply(to, text) {
            if (deliveries.slack === 'down') throw new Error('Slack is down');
            if (deliveries.slack === 'silent') await new Promise(() => {});
            replies.push({ to, text });
          },
        },
      };
      return ports;
    },
  });
  const url = lambda(apiPublic, () => world.ports);
  const send = async (body: string, headers: object = {}) => {
    const seconds = Math.floor(world.clock.now() / 1_000);
    const { statusCode } = (await url({
      rawPath: `${SLACK}/actions`,
      headers: { ...signedBy(SECRET, body, seconds), ...headers },
      requestContext: { domainName: 'abc.lambda-url.eu-central-1.on.aws', http: { method: 'POST' } },
      // As a function URL hands over a form.
      body: Buffer.from(body).toString('base64'),
      isBase64Encoded: true,
    })) as UrlAnswer;
    return statusCode;
  };
  let clicks = 0;
  const click = (by: string, options: ClickOptions = {}, rolloutId = ID) =>
    send(formOf(payloadOf(rolloutId, { at: `1548426417.${++clicks}`, user: { id: by }, ...options })));
  /** Clicks, and answers what the person was answered once all is carried out. */
  const press = async (...given: Parameters<typeof click>) => {
    const before = replies.length;
    expect(await click(...given)).toBe(200);
    await Promise.all(underWay);
    return replies.slice(before).map(({ text }) => text);
  };
  return { world, replies, deliveries, underWay, send, click, press };
}

const routing = (world: World) => world.lambda.helpers.routing(FUNCTION, ALIAS);

test('whoever presses Abort in Slack aborts, in their own name and for their own reason', async () => {
  const { world, press, replies } = await inSlack();
  await released(world);
  expect(await press('U1', { reason: 'coupons fail' })).toEqual([`Your abort of ${ID} was accepted.`]);
  expect(replies[0]?.to).toBe('https://hooks.slack.com/actions/T024BE7LD/1/x');
  expect(routing(world)).toMatchObject({ primary: '7', weights: EMPTY });
  const { outcome } = await world.ended(ID);
  expect(outcome).toBe('reverted');
  const aborted = (await world.journal.events(ID)).find(({ type }) => type === 'Aborted');
  expect(aborted).toMatchObject({
    by: { id: `slack:${TEAM}/U1`, name: 'ada', via: 'slack', isVerified: true, person: 'ada' },
    reason: 'coupons fail',
  });
});

test('whoever may call the function that carries clicks out presses nothing: it knows its own words alone', async () => {
  const { world } = await inSlack();
  await released(world);
  const { tokens, clock } = world.ports;
  const click = {
    team: TEAM,
    user: 'U1',
    button: 'abort',
    reason: '',
    value: { rolloutId: ID },
    at: '1',
    responseUrl: 'x',
  };
  const carryOut = lambda(slackAction, () => world.ports);
  for (const event of [
    click,
    { signed: 'x' },
    { signed: await tokens.sign('session', { click }, clock.now() + 60_000) },
    { signed: await tokens.sign('click', { click }, clock.now() - 1_000) },
    { signed: await tokens.sign('click', { click: { ...click, button: 'deploy' } }, clock.now() + 60_000) },
  ])
    await expect(carryOut(event)).rejects.toThrow();
  expect(routing(world).weights).not.toEqual(EMPTY);
});

test('a page is acknowledged by those who may give commands, and whoever comes too late is told so', async () => {
  const { world, press } = await inSlack();
  await released(world);
  const need = { key: 'paused 1', reason: 'no traffic', times: 1, nextAt: 0 };
  const note = (before?: PageNote) =>
    world.ports.notes.change<PageNote>(ID, 'PAGE', (found) => before ?? found);
  await note({ needs: [need], besides: [] });
  const value = { rolloutId: ID, page: 'paused 1' };
  const [refused] = await press('U4', { button: 'acknowledge', value });
  expect(refused).toMatch(/was refused: .* may not acknowledge rollouts of checkout-api/);
  expect(await press('U1', { button: 'acknowledge', value })).toEqual([
    `Your acknowledgement of ${ID} was accepted.`,
  ]);
  expect((await note())?.needs).toEqual([
    { ...need, acknowledged: expect.objectContaining({ person: 'ada', isVerified: true }) },
  ]);
  const [late] = await press('U1', { button: 'acknowledge', value: { ...value, page: 'paused 0' } });
  expect(late).toMatch(/was refused: Nobody is paged for that about checkout-api/);
});

test('pause, resume and promote do what their buttons say, and no more than they showed', async () => {
  const { world, press } = await inSlack();
  await released(world, 'r1', {
    steps: [
      { weight: 10, bake: '1h' },
      { weight: 50, bake: '1h' },
    ],
  });
  expect(await press('U1', { button: 'pause' })).toEqual([`Your pause of ${ID} was accepted.`]);
  expect((await world.journal.read(ID))?.pause).toMatchObject({ by: { person: 'ada' } });
  const [again] = await press('U2', { button: 'pause' });
  expect(again).toContain(`Your pause of ${ID} was refused: ${ID} is paused already`);
  expect(await press('U2', { button: 'resume' })).toEqual([`Your resumption of ${ID} was accepted.`]);
  const promote = (step: number) => ({ button: 'promote', value: { rolloutId: ID, step } });
  const [late] = await press('U1', promote(1));
  expect(late).toContain('was refused: checkout-api--r1--1 is at step 1, not 2; look again');
  expect(await press('U1', promote(0))).toEqual([`Your promotion of ${ID} was accepted.`]);
  const [bare] = await press('U1', { button: 'promote' });
  expect(bare).toContain('this button is out of date');
});

/** A rollout that waits at a gate of two leads before 50 %. */
async function atGate(gate: object = {}) {
  const slack = await inSlack();
  const { world, press } = slack;
  await released(world, 'r1', {
    steps: [
      { weight: 10, bake: '1h' },
      { weight: 50, bake: '1h' },
    ],
    gates: [{ before: 50, approvers: 2, from: ['leads'], ...gate }],
  });
  await press('U1', { button: 'promote', value: { rolloutId: ID, step: 0 } });
  while ((await world.journal.read(ID))?.gates[50] === undefined) await sleep(5);
  const answer = (button: string, by: string, at = 50, reason = '') =>
    press(by, { button, value: { rolloutId: ID, gate: at }, reason });
  return { ...slack, answer };
}

test('a gate counts those of its groups who press Approve, each once', async () => {
  const { world, answer } = await atGate();
  expect(await answer('approve', 'U3')).toEqual([`Your approval of ${ID} was accepted.`]);
  await answer('approve', 'U3');
  expect((await answer('approve', 'U6'))[0]).toContain('anybody in leads may');
  expect((await answer('approve', 'U1'))[0]).toContain('this needs the role approver');
  expect((await answer('approve', 'U5', 100))[0]).toContain(
    'has no open gate before 100 %, only before 50 %',
  );
  expect((await world.journal.read(ID))?.gates[50]?.approvedBy).toMatchObject([{ id: `slack:${TEAM}/U3` }]);
  expect(routing(world)).toMatchObject({ weights: { 8: 10 } });
  expect(await answer('approve', 'U5')).toEqual([`Your approval of ${ID} was accepted.`]);
  while ((await world.journal.read(ID))?.traffic.api?.weight !== 50) await sleep(5);
});

test('whoever may approve may reject, for a reason', async () => {
  const { world, answer } = await atGate({ reject: 'ends' });
  expect(await answer('reject', 'U3', 50, 'not on Friday')).toEqual([
    `Your rejection of ${ID} was accepted.`,
  ]);
  const { outcome } = await world.ended(ID);
  expect(outcome).toBe('reverted');
  const rejected = (await world.journal.events(ID)).find(({ type }) => type === 'Rejected');
  expect(rejected).toMatchObject({ gate: 50, by: { id: `slack:${TEAM}/U3` }, reason: 'not on Friday' });
});

test('a click that is delivered several times is one command, and answered once', async () => {
  const { world, press, send, underWay, deliveries, replies } = await inSlack();
  await released(world, 'r1', {
    steps: [
      { weight: 10, bake: '1h' },
      { weight: 50, bake: '1h' },
    ],
  });
  deliveries.copies = 3;
  const promote = { button: 'promote', value: { rolloutId: ID, step: 0 }, at: '1548426417.1' };
  expect(await press('U1', promote)).toEqual([`Your promotion of ${ID} was accepted.`]);
  // Slack sends it again, and somebody who recorded it does so too.
  const body = formOf(payloadOf(ID, { ...promote, user: { id: 'U1' } }));
  for (const nth of ['1', '2', '3']) {
    const retry = { 'x-slack-retry-num': nth, 'x-slack-retry-reason': 'http_timeout' };
    expect(await send(body, retry)).toBe(200);
  }
  await Promise.all(underWay);
  expect(replies).toHaveLength(1);
  const events = await world.journal.events(ID);
  expect(events.filter(({ type }) => type === 'PromotionOrdered')).toHaveLength(1);
});

test('the id of a click is of no use for another command', async () => {
  const { world, press } = await inSlack();
  await released(world);
  expect(await press('U1', { button: 'pause', at: '1.1' })).toHaveLength(1);
  const [said] = await press('U1', { button: 'resume', at: '1.1' });
  expect(said).toContain(`Your resumption of ${ID} was refused: This command to ${ID} was not carried out`);
  expect((await world.journal.read(ID))?.pause).toBeDefined();
});

test('of Abort and Promote pressed in the same instant Abort wins, and both people learn the truth', async () => {
  for (const order of [
    ['abort', 'promote'],
    ['promote', 'abort'],
  ]) {
    const { world, click, underWay, replies } = await inSlack();
    await released(world, 'r1', {
      steps: [
        { weight: 10, bake: '1h' },
        { weight: 50, bake: '1h' },
      ],
    });
    const pressed = order.map((button) =>
      click(button === 'abort' ? 'U1' : 'U2', { button, value: { rolloutId: ID, step: 0 } }),
    );
    expect(await Promise.all(pressed)).toEqual([200, 200]);
    await Promise.all(underWay);
    const { outcome } = await world.ended(ID);
    expect(outcome).toBe('reverted');
    expect(routing(world)).toMatchObject({ primary: '7', weights: EMPTY });
    const texts = replies.map(({ text }) => text);
    expect(texts).toContain(`Your abort of ${ID} was accepted.`);
    const events = (await world.journal.events(ID)).map(({ type }) => type);
    const [promotion] = texts.filter((text) => text.startsWith('Your promotion'));
    // Accepted is what was recorded before the abort; afterwards it is refused.
    if (events.includes('PromotionOrdered')) expect(promotion).toBe(`Your promotion of ${ID} was accepted.`);
    else expect(promotion).toMatch(/^Your promotion of .* was refused: /);
    // Whoever reads the closed fence before the abort is recorded records what it says.
    const aborted = events.findIndex((type) => type === 'Aborted' || type === 'RevertOrdered');
    expect(events.lastIndexOf('PromotionOrdered')).toBeLessThan(aborted);
  }
});

test.each<[string, string, ClickOptions, string]>([
  ['who has no role', 'U9', {}, 'ada may not abort rollouts of checkout-api: this needs the role operator'],
  ['who may only read', 'U4', {}, 'this needs the role operator'],
  ['who may only approve', 'U3', { button: 'pause' }, 'this needs the role operator'],
  [
    'who may not approve',
    'U1',
    { button: 'approve', value: { rolloutId: ID, gate: 50 } },
    'the role approver',
  ],
  [
    'of another workspace, in a channel that both have',
    'U1',
    { user: { id: 'U1', team_id: 'T0OTHER' } },
    'The Slack workspace T0OTHER may not give commands here',
  ],
  ['whose button names no rollout', 'U1', { value: { rolloutId: 'no rollout' } }, 'no rollout'],
  ['with a rollout that nobody knows', 'U1', { value: { rolloutId: 'other--r9--1' } }, 'other--r9--1'],
])('a person %s is refused, and told why', async (_, by, options, why) => {
  const { world, press } = await inSlack();
  await released(world);
  const [said, ...more] = await press(by, options);
  expect(said).toMatch(/^Your .* was refused: /);
  expect(said).toContain(why);
  expect(more).toEqual([]);
  const events = (await world.journal.events(ID)).map(({ type }) => type);
  expect(events.filter((type) => ['Aborted', 'Paused', 'Approved'].includes(type))).toEqual([]);
  expect(routing(world)).toMatchObject({ weights: { 8: 10 } });
});

test('nobody of Slack may do anything where the settings give no roles', async () => {
  const { roles: _, ...access } = ACCESS;
  const { world, press } = await inSlack(access);
  await released(world);
  expect((await press('U1'))[0]).toContain('was refused: ada may not abort');
});

test('what has ended stays as it is', async () => {
  const { world, press } = await inSlack();
  await released(world);
  await press('U1');
  await world.ended(ID);
  for (const button of ['abort', 'pause', 'resume'])
    expect((await press('U2', { button }))[0]).toContain(`${ID} has ended (reverted)`);
});

test.each(['down', 'silent'] as const)('an abort counts even if Slack is %s', async (slack) => {
  const { world, press, deliveries } = await inSlack();
  await released(world);
  deliveries.slack = slack;
  expect(await press('U1')).toEqual([]);
  expect(routing(world)).toMatchObject({ primary: '7', weights: EMPTY });
});

test('names and reasons are text, whatever they hold', async () => {
  const { world, press } = await inSlack();
  await released(world);
  const reason = '<!channel> *x* \u001b[2J\u202e<https://evil.example|here> {{}}\n\n```';
  await press('U1', { button: 'pause', reason, user: { id: 'U1', name: '<@U2>\u0000\n&amp;' } });
  const { pause } = (await world.journal.read(ID)) ?? {};
  expect(pause).toMatchObject({
    by: { id: `slack:${TEAM}/U1`, name: '<@U2> &amp;' },
    reason: '<!channel> *x* <https://evil.example|here> {{}} ```',
  });
});
