import { describe, expect, test } from 'vitest';
import { buttonValueFrom } from '../../core/people/slack-button.ts';
import { MINUTE, type Notified, notified, ROLLOUT_ID } from '../notify/stage.ts';

const REMINDER = /^it still needs a person, paged (\d+) times/;

/** A rollout of which nothing can be seen: after its longest bake it is paused, and somebody is paged. */
async function pausedWorld(options: Parameters<typeof notified>[0] = {}): Promise<Notified> {
  const world = notified({ requestsPerSecond: 0, ...options });
  await world.clock.advance(20 * MINUTE);
  await world.clock.run(world.release());
  while ((await world.journal.read(ROLLOUT_ID))?.pause === undefined) await world.clock.advance(MINUTE);
  await world.clock.advance(2 * MINUTE);
  return world;
}

const reminders = (world: Notified) => world.thread().filter((line) => REMINDER.test(line)).length;
const command = (world: Notified, more: object) =>
  world.clock.run(world.invoke('Command', { rolloutId: ROLLOUT_ID, by: 'ada', reason: 'enough', ...more }));
const acknowledge = (world: Notified, page?: string) =>
  world.clock.run(
    world.invoke('Command', { command: 'acknowledge', rolloutId: ROLLOUT_ID, by: 'ada', page }),
  );
const buttons = (world: Notified) =>
  JSON.stringify(world.slack.in('#deploys')[0]?.content)
    .match(/"action_id":"(\w+)"/g)
    ?.join(' ') ?? '';

describe('a page', () => {
  test('comes once at first, and then every 15 minutes as long as nobody acts', async () => {
    const world = await pausedWorld();
    expect(world.thread().at(-1)).toMatch(/^paused by spillway/);
    expect(reminders(world)).toBe(0);
    await world.clock.advance(64 * MINUTE);
    expect(reminders(world)).toBe(4);
    const [first] = world.slack.in('#deploys');
    const lines = world.slack.in('#deploys', first?.ts).slice(-4);
    expect(lines.every(({ isBroadcast }) => isBroadcast)).toBe(true);
    for (const [at, line] of lines.entries())
      if (at > 0) expect(line.at - (lines[at - 1]?.at ?? 0)).toBeGreaterThanOrEqual(15 * MINUTE);
  });

  test('is not repeated once somebody has acknowledged it, and everybody sees who', async () => {
    const world = await pausedWorld();
    await world.clock.advance(20 * MINUTE);
    expect(buttons(world)).toContain('acknowledge');
    const value = /"action_id":"acknowledge".*?"value":"(.*?[^\\])"/.exec(
      JSON.stringify(world.slack.in('#deploys')[0]?.content),
    );
    const page = buttonValueFrom(JSON.parse(`"${value?.[1]}"`))?.page;
    expect(page).toMatch(/^paused \d+$/);
    expect(await acknowledge(world, page)).toMatchObject({ accepted: true });
    await world.clock.advance(MINUTE / 2);
    const before = reminders(world);
    await world.clock.advance(60 * MINUTE);
    expect(reminders(world)).toBe(before);
    expect(world.thread().at(-1)).toBe('ada acknowledged it: the page is not repeated');
    expect(buttons(world)).not.toContain('acknowledge');
    expect(JSON.stringify(world.slack.in('#deploys')[0]?.content)).toContain('ada acknowledged it');
  });

  test('that was acknowledged twice is said to be so once', async () => {
    const world = await pausedWorld();
    expect(await acknowledge(world)).toMatchObject({ accepted: true });
    expect(await acknowledge(world)).toMatchObject({ accepted: true });
    await world.clock.advance(5 * MINUTE);
    expect(world.thread().filter((line) => line.includes('acknowledged')).length).toBe(1);
  });

  test('is over once somebody acts, and an old acknowledgement takes nothing from a new one', async () => {
    const world = await pausedWorld();
    const { pause } = (await world.journal.read(ROLLOUT_ID)) ?? {};
    await command(world, { command: 'resume', reason: undefined });
    await world.clock.advance(10 * MINUTE);
    const before = reminders(world);
    await expect(acknowledge(world, `paused ${pause?.since}`)).rejects.toMatchObject({
      code: 'CommandRefused',
    });
    // Nothing is seen again, so it is paused again, and somebody is paged for that.
    while ((await world.journal.read(ROLLOUT_ID))?.pause === undefined) await world.clock.advance(MINUTE);
    await world.clock.advance(20 * MINUTE);
    expect(reminders(world)).toBe(before + 1);
    await command(world, { command: 'abort' });
    await world.clock.advance(60 * MINUTE);
    expect(reminders(world)).toBe(before + 1);
    expect(String(world.slack.in('#deploys')[0]?.content.text)).toMatch(/refused|reverted/);
  });

  test('is repeated after Slack was away, and once for all that was missed', async () => {
    const world = await pausedWorld();
    world.slack.trouble = () => 'down';
    await world.clock.advance(40 * MINUTE);
    world.slack.trouble = () => undefined;
    await world.clock.advance(31 * MINUTE);
    const [first] = world.slack.in('#deploys');
    const posted = world.slack.in('#deploys', first?.ts);
    expect(reminders(world)).toBeGreaterThanOrEqual(3);
    expect(posted.length).toBeLessThan(8);
  });

  test('comes to somebody who asks for pages alone, and tells how it ended', async () => {
    const world = await pausedWorld({ notify: { '*': [{ slack: '#pages', only: 'pages' }] } });
    expect(world.thread('#pages')[0]).toMatch(/^paused by spillway/);
    await command(world, { command: 'abort' });
    await world.clock.advance(10 * MINUTE);
    expect(String(world.slack.in('#pages')[0]?.content.text)).toMatch(/refused|reverted/);
    expect(world.thread('#pages').length).toBe(1);
  });
});

describe('an execution that died', () => {
  test('pages, until another one has taken over', async () => {
    const world = notified();
    await world.clock.advance(20 * MINUTE);
    await world.clock.run(world.release());
    await world.clock.advance(3 * MINUTE);
    await world.clock.run(world.kill());
    await world.clock.advance(MINUTE);
    expect(world.thread().at(-1)).toMatch(/^its execution ended ABORTED/);
    expect(String(world.slack.in('#deploys')[0]?.content.text)).toContain('running');
    await world.clock.advance(60 * MINUTE);
    expect(world.thread().join('\n')).toContain('another execution took over');
    expect(reminders(world)).toBe(0);
  });

  test('of a rollout that has ended pages nobody', async () => {
    const world = notified();
    await world.clock.run(world.run());
    await world.clock.advance(5 * MINUTE);
    const before = world.thread();
    const event = (name: string) => ({
      source: 'aws.states',
      detail: { name, status: 'FAILED', error: 'x' },
    });
    await world.clock.run(world.invoke('Notify', event(`${ROLLOUT_ID}-1`)));
    await world.clock.run(world.invoke('Notify', event('something else')));
    expect(world.thread()).toEqual(before);
  });
});

test('a revert that fails pages once, whoever carries it, until it is done', async () => {
  const world = notified();
  await world.clock.advance(20 * MINUTE);
  await world.clock.run(world.release());
  await world.clock.advance(5 * MINUTE);
  const { operations } = world.lambda;
  const { UpdateAliasCommand } = operations;
  operations.UpdateAliasCommand = () => {
    throw Object.assign(new Error('Lambda is away.'), { name: 'ServiceException', $fault: 'server' });
  };
  await command(world, { command: 'abort' }).catch(() => {});
  const urgent = () =>
    world.slack
      .in('#deploys', world.slack.in('#deploys')[0]?.ts)
      .filter(({ isBroadcast, content }) => isBroadcast && /revert|execution/.test(String(content.text)));
  await world.clock.advance(14 * MINUTE);
  expect((await world.journal.read(ROLLOUT_ID))?.takeovers).toBeGreaterThanOrEqual(2);
  expect(urgent().length).toBe(1);
  expect(reminders(world)).toBe(0);
  await world.clock.advance(6 * MINUTE);
  expect(reminders(world)).toBe(1);
  await acknowledge(world, 'revert');
  await world.clock.advance(30 * MINUTE);
  expect(reminders(world)).toBe(1);
  operations.UpdateAliasCommand = UpdateAliasCommand;
  await world.clock.advance(20 * MINUTE);
  expect((await world.journal.read(ROLLOUT_ID))?.outcome).toBe('reverted');
  expect(reminders(world)).toBe(1);
  await expect(acknowledge(world)).rejects.toMatchObject({ code: 'CommandRefused' });
});

test('a rollout that halted pages until its service is released again', async () => {
  const world = notified();
  await world.clock.advance(20 * MINUTE);
  await world.clock.run(world.release());
  await world.clock.advance(5 * MINUTE);
  const { lambda } = world;
  const version = lambda.helpers.publishCounted('checkout-prod-Api');
  lambda.operations.UpdateAliasCommand({
    FunctionName: 'checkout-prod-Api',
    Name: 'live',
    FunctionVersion: version,
  });
  await world.clock.advance(40 * MINUTE);
  expect((await world.journal.read(ROLLOUT_ID))?.outcome).toBe('halted');
  expect(reminders(world)).toBeGreaterThanOrEqual(2);
  await world.clock.run(world.release());
  await world.clock.advance(MINUTE);
  const before = reminders(world);
  await world.clock.advance(60 * MINUTE);
  expect(reminders(world)).toBe(before);
});
