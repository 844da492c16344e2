import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Transition } from '../core/people/transition.ts';
import type { Clock } from '../core/ports.ts';
import { pauseOf, reach, unavailable } from './_aws.ts';

/** The source of every event of Spillway. */
const SOURCE = 'spillway';

/** Entries that one PutEvents takes (EventBridge API reference). A transition has a few kilobytes, so ten of them are far below the 1 MB of a request. */
const ENTRIES_MAX = 10;

/** Pauses before entries that were refused are sent again, in milliseconds and in the mean. */
const PAUSES_MS = [200, 800];

/** What EventBridge answers for an entry that it may take the next time (EventBridge API reference, PutEvents). */
const PASSING = /^(InternalFailure|InternalException|Throttl\w*|ServiceUnavailable|TooManyRequests\w*)$/;

/** Stands for the code of an entry of which the answer says nothing. */
const UNSAID = 'InternalFailure';

/** Announces on the account's default event bus. */
export function eventBridgeAnnouncer(
  client: EventBridgeClient,
  clock: Clock,
): { announce(transitions: Transition[]): Promise<void> } {
  /** Sends some and answers those that were not taken. */
  const put = async (transitions: Transition[]): Promise<{ left: Transition[]; code: string }> => {
    const Entries = transitions.map((transition) => ({
      Source: SOURCE,
      DetailType: transition.detailType,
      Detail: JSON.stringify(transition),
      Time: new Date(transition.at),
    }));
    const { Entries: results = [] } = await reach('EventBridge', () =>
      client.send(new PutEventsCommand({ Entries })),
    );
    // An answer has an entry for each that was sent, by its place; what it says nothing of may not have been taken.
    const isWhole = results.length === transitions.length;
    const codes = transitions.map((_, index) => {
      const { EventId, ErrorCode = UNSAID } = (isWhole ? results[index] : undefined) ?? {};
      return EventId === undefined ? ErrorCode : undefined;
    });
    const left = transitions.filter((_, index) => codes[index] !== undefined);
    const code = codes.find((each) => each !== undefined && !PASSING.test(each)) ?? codes.find(Boolean) ?? '';
    return { left, code };
  };
  const all = async (batch: Transition[]): Promise<void> => {
    let left = batch;
    for (let tries = 0; ; tries++) {
      const told = await put(left);
      left = told.left;
      const [first] = left;
      if (first === undefined) return;
      if (!PASSING.test(told.code))
        throw new Error(`EventBridge refused ${left.map(({ id }) => id).join(', ')} (${told.code}).`);
      const mean = PAUSES_MS[tries];
      if (mean === undefined)
        throw unavailable(
          `EventBridge did not take ${first.id} just now (${told.code}); it is sent again.`,
          undefined,
        );
      await clock.sleep(pauseOf(mean, first.id, clock.now()));
    }
  };
  return {
    async announce(transitions) {
      // One request after the other: what comes later must not overtake what was refused.
      for (let at = 0; at < transitions.length; at += ENTRIES_MAX)
        await all(transitions.slice(at, at + ENTRIES_MAX));
    },
  };
}
