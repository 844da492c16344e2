import { type Place, prefixOf } from './place.ts';

/** Events that the journal's stream is read for; a test compares them with what its reader acts on. */
export const FOLLOWED = [
  'Aborted',
  'AlarmRaised',
  'Approved',
  'DriftDetected',
  'HookAnswered',
  'Paused',
  'PromotionOrdered',
  'Rejected',
  'Resumed',
  'RolloutClosed',
  'TookOver',
];

/** Events that are no transition, for which nobody is to be started; a test compares them with what core says. */
export const UNANNOUNCED = ['Continued', 'Deferred', 'HookStarted', 'ShiftIntended'];

/** The journal's table; a test compares it with the one that its adapter defines. */
export function journal(place: Place) {
  const isKept = $app.removal === 'retain';
  return new sst.aws.Dynamo('Journal', {
    fields: { pk: 'string', sk: 'string', service: 'string', running: 'string', openedAt: 'number' },
    primaryIndex: { hashKey: 'pk', rangeKey: 'sk' },
    globalIndexes: {
      byService: { hashKey: 'service', rangeKey: 'openedAt', projection: 'keys-only' },
      byRunning: { hashKey: 'running', rangeKey: 'openedAt', projection: 'keys-only' },
    },
    ttl: 'expiresAt',
    stream: 'new-image',
    deletionProtection: isKept,
    transform: {
      table(args, options) {
        args.name = `${prefixOf(place)}-journal`;
        args.serverSideEncryption = { enabled: true };
        options.protect = isKept;
      },
    },
  });
}
