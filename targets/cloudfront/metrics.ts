import { counted, type Kept } from '../../adapters/cloudwatch-metrics.ts';
import { countedAmong } from '../../core/site/segment.ts';

/** Where CloudWatch keeps what visitors of a site report: one of a visitor in each minute, however much went wrong. All of it is kept by release alone. */
export const siteMetrics: Kept = {
  counts: {
    errors: { bad: counted('FailedVisits'), total: counted('Visits') },
    // What was turned away is counted of no release, so that no flood speaks against one: these tell how many visits there were.
    throttles: { bad: counted('DroppedVisits'), total: counted('Visits') },
    traffic: { bad: counted('DroppedVisits'), total: counted('Visits') },
  },
  wholeOf: (count) => count,
  // What is kept by release alone is asked of stable where the whole is meant.
  dimensionsOf: ({ ref: { site }, stable, among }, version = stable) => [
    { Name: 'Site', Value: site },
    { Name: 'Release', Value: among === undefined ? version : countedAmong(version, among) },
  ],
  gaugeOf: () => undefined,
};
