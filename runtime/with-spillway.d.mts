/**
 * The same Lambda handler, which also prints one line of CloudWatch's Embedded Metric Format per answer, with the
 * version that gave it: `Responses` and `Faults` in the namespace `Spillway`. A fault is an error, or an answer with a
 * `statusCode` of 500 or more, which to Lambda is no error. For batches of SQS, Kinesis and DynamoDB also `BatchItems` and
 * `BatchFailures`, by what the answer hands back as `batchItemFailures`. Not for handlers that stream their response. With `latency`
 * it also counts how long answers took, in metrics `Latency000` to `Latency125`, as `watch: { p95: 1.25x }` needs it.
 */
export declare function withSpillway<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
  options?: { latency?: boolean },
): Handler;
