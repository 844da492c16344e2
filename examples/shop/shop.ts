import { RolloutTarget } from 'spillway/sst';

/** A shop whose checkout is rolled out: behind an API, a queue, a bus, a schedule and URLs. */
export function shop() {
  const target = new RolloutTarget('Checkout', {
    service: 'checkout-api',
    environment: 'production',
    function: { handler: 'checkout.handler', memory: '256 MB', tags: { team: 'shop' } },
    url: true,
    latency: true,
  });
  const api = new sst.aws.ApiGatewayV2('Api');
  api.route('GET /', target.arn);
  const queue = new sst.aws.Queue('Orders');
  queue.subscribe(target.arn);
  const bus = new sst.aws.Bus('Events');
  bus.subscribe('Checkout', target.arn, {});
  new sst.aws.CronV2('Nightly', { function: target.arn, schedule: 'rate(1 day)' });
  new sst.aws.Function('Caller', { handler: 'caller.handler', link: [target] });
  target.release({
    after: [api, queue, bus],
    steps: [{ weight: 10, bake: '5m' }],
    watch: { http5xx: '1.5x' },
  });
  return { arn: target.arn };
}
