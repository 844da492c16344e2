import { type Access, iamPrincipal } from '../core/people/access.ts';
import { signedCommand } from '../core/people/signed-command.ts';
import type { Transition } from '../core/people/transition.ts';
import type { Actor } from '../core/rollout/actor.ts';
import { type CommandRequest, takerOf } from '../core/rollout/command-request.ts';
import type { UrlAnswer, UrlEvent } from '../functions/_url.ts';
import { SLACK_TOKEN, SLACK_WEBHOOK } from '../local/account.ts';
import type { WorldClock } from '../local/clock.ts';
import type { SlackTrouble } from '../local/services/slack.ts';
import type { WebServer } from '../local/web-server.ts';
import { type Giver, type Reporting, TOPIC, WEBHOOK } from './case.ts';
import type { Injected } from './faults.ts';
import { type Said, saidBy } from './recording.ts';
import type { Scenario, ScenarioOptions } from './scenario.ts';

/** Who gives commands through the API. */
export const ADA: Actor = {
  id: 'arn:aws:iam::111122223333:user/ada',
  name: 'ada',
  via: 'iam',
  isVerified: true,
};
const BEN = 'arn:aws:iam::111122223333:user/ben';
/** Ben, as Slack knows him. */
const MEMBER = { teamId: 'T1', userId: 'UBEN', name: 'Ben B.' };
const IN_SLACK = `slack:${MEMBER.teamId}/${MEMBER.userId}`;

/** Who somebody is, by each identity that they come under. */
export const HUMANS: Readonly<Record<string, string>> = { [ADA.id]: 'ada', [BEN]: 'ben', [IN_SLACK]: 'ben' };

function accessOf({ routes, isNamed }: Reporting): Access {
  return {
    ...{ groups: {}, believedSessions: [], slack: { teams: [MEMBER.teamId], appId: 'A1' } },
    people: isNamed ? { ben: [BEN, IN_SLACK] } : {},
    roles: { '*': { operator: [IN_SLACK], approver: [IN_SLACK] } },
    notify: { '*': routes },
  };
}

/** Somebody at whose word a world takes commands that the API has proven. */
function actorOf(by: 'ada' | 'ben', { access }: Pick<Scenario['ports'], 'access'>): Actor {
  return by === 'ada' ? ADA : iamPrincipal(BEN, access).actor;
}

/** The part of a world that reports to receivers, which fail as faults and `isAway` say. */
export function receivers(
  reporting: Reporting | undefined,
  { clock, faults, isAway }: { clock: WorldClock; faults: Pick<Injected, 'voice'>; isAway: () => boolean },
): { options: Partial<ScenarioOptions>; posted: Said[]; begin(stage: Scenario): void } {
  const posted: Said[] = [];
  if (reporting === undefined) return { options: {}, posted, begin() {} };
  const troubleOf = (receiver: string) =>
    reporting.isMuted ? undefined : troubleAt(receiver, faults, isAway());
  const isUnreached = () => troubleOf('topic') !== undefined;
  let key = '';
  const webhook: WebServer = async (request) => {
    const { data } = JSON.parse(await request.text()) as { data: Transition };
    const trouble = troubleOf('webhook');
    if (trouble === 'silent') return new Promise(() => {});
    if (trouble === 'down' || trouble === 'unreachable') return new Response(null, { status: 503 });
    if (typeof trouble === 'object' && 'retryAfter' in trouble) return new Response(null, { status: 429 });
    if (typeof trouble === 'object' && 'slowMs' in trouble) await clock.sleep(trouble.slowMs);
    const isUnheard = trouble === 'lost' || request.signal.aborted;
    posted.push({ ...saidBy(data, key, clock.now()), isUnheard });
    if (trouble === 'lost') throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
    return new Response(null);
  };
  return {
    options: {
      access: accessOf(reporting),
      settings: { PUBLIC_URL: `https://${API}` },
      secrets: {
        SlackToken: reporting.isByWebhook ? SLACK_WEBHOOK : SLACK_TOKEN,
        WebhookKey: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      },
      web: { [new URL(WEBHOOK).host]: webhook },
    },
    posted,
    begin(stage) {
      void stage.ports.sinks({ webhook: WEBHOOK }).then((sink) => {
        key = sink?.key ?? '';
      });
      stage.slack.trouble = () => troubleOf('slack');
      stage.slack.onAnswer = () => new Response('ok');
      stage.sns.topic(TOPIC);
      const publish = stage.sns.operations.PublishCommand;
      stage.sns.operations.PublishCommand = (input) => {
        if (isUnreached())
          throw Object.assign(new Error('InternalError'), { $metadata: { httpStatusCode: 500 } });
        return publish(input);
      };
    },
  };
}

/** Longest time that a receiver takes which is slow, and for which one is busy, in seconds; assumed. */
const [SLOW_MAX, BUSY_MAX] = [20, 300];

function troubleAt(
  receiver: string,
  faults: Pick<Injected, 'voice'>,
  isAway: boolean,
): SlackTrouble | undefined {
  const struck = faults.voice(receiver);
  if (isAway) return struck === undefined || struck.how < 0.5 ? 'unreachable' : 'silent';
  switch (struck?.fault) {
    case 'receiverDown':
      return 'down';
    case 'receiverSilent':
      return 'silent';
    case 'receiverUnheard':
      return 'lost';
    case 'receiverSlow':
      return { slowMs: struck.how * SLOW_MAX * 1_000 };
    case 'receiverBusy':
      return { retryAfter: Math.ceil(struck.how * BUSY_MAX) };
    default:
      return undefined;
  }
}

/** The host of the public API. */
const API = 'api.example';

/** What somebody gives a command by, each time the same. @throws what keeps it from being answered for good */
type Give = () => Promise<void>;

/** A link that somebody got, and whose button is pressed. */
export function byLink({ ports, invoke }: Scenario, request: CommandRequest, until: number): Give {
  const { rolloutId, command: action } = request;
  const token = ports.tokens.sign('link', { rolloutId, action }, until);
  const event = async (): Promise<UrlEvent> => ({
    rawPath: `/rollouts/${rolloutId}/${action}`,
    headers: { authorization: `Bearer ${await token}`, 'content-type': 'application/json' },
    requestContext: { domainName: API, http: { method: 'POST' } },
    body: JSON.stringify({ reason: 'it looks odd' }),
  });
  return async () => {
    const { statusCode, body } = (await invoke('ApiPublic', await event())) as UrlAnswer;
    if (statusCode === 503 || statusCode === 429) throw new Error(body);
  };
}

/** A button in Slack that Ben presses, whose click may come again. */
export function bySlack({ ports }: Scenario, request: CommandRequest, at: string): Give {
  const { rolloutId, command } = request;
  const { gate } = request as { gate?: number };
  return () =>
    ports.clicks.hand({
      ...{ team: MEMBER.teamId, user: MEMBER.userId, name: MEMBER.name, reason: 'it looks odd', at },
      button: command as 'abort' | 'pause' | 'approve',
      value: { rolloutId, ...(gate === undefined ? {} : { gate }) },
      responseUrl: 'https://hooks.slack.com/actions/T1/1',
    });
}

/** A command of somebody whose signature the API has checked. */
function bySignature({ ports, invoke }: Scenario, request: CommandRequest): Give {
  return async () => {
    try {
      await invoke(takerOf(request.command), await signedCommand(request, ports));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'CommandRefused') throw error;
    }
  };
}

/** How each of them gives one. */
export function giveBy(by: Giver, stage: Scenario, request: Omit<CommandRequest, 'by'>, nth: number): Give {
  const wanted = request as CommandRequest;
  if (by === 'a link') return byLink(stage, wanted, stage.clock.now() + LINK_MS);
  if (by === 'ben in Slack') return bySlack(stage, wanted, `${nth}`);
  const once = { id: `${by} ${nth}`, fingerprint: wanted.command, expiresAt: stage.clock.now() + ONCE_MS };
  return bySignature(stage, { ...wanted, by: actorOf(by, stage.ports), once });
}

const [LINK_MS, ONCE_MS] = [6 * 3_600_000, 3_600_000];
