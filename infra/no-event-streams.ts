// What the clients of S3 and Lambda ask of `@smithy/core/event-streams`, in its place (`bundling.json`): it is 20 KB in every bundle,
// and no call of the controller streams events. A client only hands these on until one does.

/** Leaves the settings of a client as they are. */
export const resolveEventStreamSerdeConfig = <Config>(config: Config): Config => config;

/** @throws Error at the first call that streams events */
export const eventStreamSerdeProvider = (): never => {
  throw new Error(
    'A call that streams events was made, and its code is left out of this bundle: take the alias out of infra/bundling.json.',
  );
};

/** Never made, since its provider throws first. */
export class EventStreamSerde {}
