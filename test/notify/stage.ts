import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import type { Access } from '../../core/people/access.ts';
import { SLACK_TOKEN } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type Scenario, type ScenarioOptions, SERVICE } from '../../simulation/scenario.ts';

export const MINUTE = 60_000;
export const ROLLOUT_ID = `${SERVICE}--r1--1`;
export const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:deploys';

export interface Notified extends Scenario {
  clock: VirtualClock;
  /** The lines of the threads in a channel, oldest first. */
  thread(channel?: string): string[];
  /** Calls Notify as its own agenda does. */
  wake(): Promise<unknown>;
  /** Ends the execution that carries the rollout now, as a person in the console would. */
  kill(epoch?: number): Promise<unknown>;
}

/** A world that reports to people: to a channel unless routes say otherwise. */
export function notified(
  options: Partial<ScenarioOptions> & {
    notify?: Access['notify'];
    links?: Access['links'];
    token?: string;
    publicUrl?: string;
  } = {},
): Notified {
  const clock = virtualClock();
  const {
    notify = { '*': [{ slack: '#deploys' }] },
    token = SLACK_TOKEN,
    publicUrl = 'https://api.example',
  } = options;
  const scenario = createScenario({
    seed: 1,
    ...options,
    clock,
    access: { groups: {}, people: {}, believedSessions: [], notify, links: options.links },
    settings: { PUBLIC_URL: publicUrl },
    secrets: { SlackToken: token, WebhookKey: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  });
  scenario.sns.topic(TOPIC);
  return {
    ...scenario,
    clock,
    thread: (channel = '#deploys') =>
      scenario.slack
        .in(channel)
        .flatMap(({ ts }) => scenario.slack.in(channel, ts))
        .flatMap(({ content }) => String(content.text).split('\n')),
    wake: () => scenario.invoke('Notify', { wake: { rolloutId: ROLLOUT_ID } }),
    kill: (epoch = 1) =>
      scenario.clients.sfn.send(
        new StopExecutionCommand({
          executionArn: `${scenario.machineArn.replace(':stateMachine:', ':execution:')}:${ROLLOUT_ID}-${epoch}`,
          error: 'Killed',
          cause: 'a test',
        }),
      ),
  };
}

/** One line for each part of a message that a person sees. */
export function shownOf({ text, attachments, blocks }: Record<string, unknown>): string[] {
  const found: string[] = [String(text).split('\n').join('\n  ')];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) walk(each);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const part = value as Record<string, unknown>;
    if (part.color !== undefined) found.push(`  [${part.color}]`);
    if (part.type === 'button') {
      const { text } = part.text as { text: string };
      found.push(`  (${text}${part.url === undefined ? '' : ` -> ${part.url}`})`);
    } else if (part.type === 'plain_text' || part.type === 'mrkdwn')
      found.push(`  ${String(part.text).split('\n').join(': ')}`);
    else for (const each of [part.text, part.fields, part.elements, part.blocks, part.label]) walk(each);
  };
  walk(blocks === undefined ? attachments : []);
  // Tokens are made anew each time.
  return found.map((line) => line.replace(/#ey[\w.-]+/g, '#…'));
}
