import { expect, test } from 'vitest';
import { fencedRouter, type RoutingStore } from '../../adapters/fenced-router.ts';
import { RolloutError } from '../../core/errors.ts';
import { virtualClock } from '../../local/clock.ts';
import { target, token } from '../core/rollout/given.ts';

test('a revert of a target that is taken away while it is written finds nobody there, and nothing to do', async () => {
  const clock = virtualClock();
  let isThere = true;
  const refused = (name: string) =>
    Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 400 } });
  const gone = refused('ResourceNotFoundException');
  const store: RoutingStore = {
    async read() {
      if (!isThere) throw gone;
      return { primary: '7', weights: { '8': 10 }, token: token(1), revision: 'a' };
    },
    async write() {
      isThere = false;
      throw refused('InvalidParameterValueException');
    },
    refusalOf: (error) => (error === gone ? 'gone' : undefined),
    async assertOwned() {
      throw new RolloutError('RevertFailed', 'It carries no tag.');
    },
  };
  const { rolloutId } = token(1);
  const reverted = clock.run(fencedRouter(store, clock).revert(target(), { rolloutId, epoch: 1 }));
  expect(await reverted).toMatchObject({ primary: 'none', changed: false });
});
