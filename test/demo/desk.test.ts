import { expect, test } from 'vitest';
import { breakable } from '../../demo/desk/desk.ts';

test('CloudWatch that was broken answers nothing for 5 minutes, and everything else goes on', async () => {
  let now = 0;
  const { intercept, breakIt } = breakable(() => now);
  const asked = (command: string) => intercept(command, {}, async () => 'answered' as never);
  const outcomes = () =>
    Promise.all(
      ['GetMetricDataCommand', 'DescribeAlarmsCommand', 'UpdateAliasCommand'].map((command) =>
        asked(command).catch(({ name }: Error) => name),
      ),
    );
  expect(await outcomes()).toEqual(['answered', 'answered', 'answered']);
  breakIt();
  now += 299_999;
  expect(await outcomes()).toEqual(['ServiceUnavailable', 'ServiceUnavailable', 'answered']);
  now += 1;
  expect(await outcomes()).toEqual(['answered', 'answered', 'answered']);
});
