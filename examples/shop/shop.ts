import { RolloutTarget } from 'spillway/sst';
import { RolloutSite } from 'spillway/sst/site';

/** A shop whose checkout is rolled out: behind an API, a queue, a bus, a schedule and URLs; and its site. */
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
  const site = new RolloutSite('Web', { service: 'shop-web', environment: 'production', layout: 'spa' });
  new sst.aws.Function('Caller', { handler: 'caller.handler', link: [target, site] });
  target.release({
    after: [api, queue, bus],
    steps: [{ weight: 10, bake: '5m' }],
    watch: { http5xx: '1.5x' },
  });
  return { arn: target.arn, site: site.url };
}
