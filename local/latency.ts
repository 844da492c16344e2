/**
 * How long things take in the embedded world, in milliseconds. No AWS account was measured: a number is either
 * documented, with its source, or assumed, and it stands here so that one edit changes it everywhere.
 */
export const LATENCY_MS = Object.freeze({
  /** One control plane call of Lambda, such as UpdateAlias; assumed. */
  lambdaControlPlane: 40,
  /** What Lambda adds to the run time of the handler in a synchronous invoke; assumed. */
  lambdaInvoke: 10,
  /** GetMetricData; assumed. */
  metricRead: 50,
  /** DescribeAlarms and the other alarm calls; assumed. */
  alarms: 40,
  /** From an event's cause to its arrival at a rule's target; assumed. */
  eventDelivery: 500,
  /** One call of PutEvents; assumed. */
  putEvents: 30,
  /** One Publish of SNS; assumed. */
  snsPublish: 30,
  /** From a request to a web server to its arrival; assumed. */
  web: 30,
  /** One call of S3 with a small object; assumed. */
  s3: 30,
  /** One call of CloudFront's KeyValueStore; assumed. */
  kvs: 60,
  /** From a write of a KeyValueStore until functions at every edge read it: CloudFront promises seconds (CloudFront developer guide, "Amazon CloudFront KeyValueStore"); which is assumed. */
  kvsPropagation: 5_000,
  /** The same for the edge location that reads it first; assumed. */
  kvsPropagationMin: 500,
  /** One call of DynamoDB with small items; assumed. */
  dynamodb: 10,
  /** One control plane call of EventBridge Scheduler; assumed. */
  schedulerApi: 30,
  /** How late a schedule may fire: "60 second precision" (EventBridge Scheduler user guide, "Schedule types"). */
  schedulePrecision: 60_000,
  /** StartExecution and the other calls of Step Functions; assumed. */
  stepFunctionsApi: 30,
  /** From the end of one state to the start of the next; assumed. */
  stateTransition: 25,
  /** Shortest time from the end of an invocation until its metrics can be read; assumed. */
  metricEmissionMin: 20_000,
  /** Longest time from the end of an invocation until its metrics can be read; assumed. */
  metricEmissionMax: 50_000,
  /** How late the numbers of a queue can be that was inactive: "up to 15 minutes" (SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch"). */
  sqsActivation: 15 * 60_000,
  /** Alarms with a period of 60 s or more are evaluated each minute (CloudWatch user guide, "Evaluating an alarm"). */
  alarmEvaluation: 60_000,
});
