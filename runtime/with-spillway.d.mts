/**
 * The same Lambda handler, which also prints one line of CloudWatch's Embedded Metric Format per answer, with the version that
 * gave it: `Responses`, `Faults` and `ClientErrors` in the namespace `Spillway`. A fault is an error or an answer that its
 * caller gets as a status of 500 or more, also if the gateway makes it one (a REST API answers 502 for a bare value); a client error is a status of 400 to 499. For batches of SQS, Kinesis and DynamoDB it counts `BatchItems` and
 * `BatchFailures`, by what comes back of the batch, and as `Retries` the messages that were received before. Nothing is counted for events that do not say what sent them. It
 * also counts the first answer of each environment (`First`), those of its first minute (`Young`), and the others in eight groups
 * (`Group0` to `Group7`): by what `entity` says of an event, such as a customer's id, of which only a hash is used, or else by
 * environment; `groups: false` leaves the groups out. With `latency` it counts how long answers took, in metrics `Latency0` to
 * `Latency23`, as `watch: { latency: 1.25x }` needs it.
 * @throws {TypeError} if the handler is no function, or streams its response
 */
export declare function withSpillway<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
  options?: {
    latency?: boolean;
    groups?: boolean;
    entity?: (...args: Parameters<Handler>) => unknown;
  },
): Handler;
