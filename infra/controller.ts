import { deadLetters } from './dead-letters.ts';
import { events } from './events.ts';
import { functions } from './functions.ts';
import { journal } from './journal.ts';
import { machine } from './machine.ts';
import { assertFits, type Place } from './place.ts';
import { releases } from './releases.ts';
import { schedules } from './schedules.ts';
import { secrets } from './secret-store.ts';
import { assertStage, type Settings, settingsOf } from './settings.ts';
import stages from './stages.json';
import { pages, watch } from './watch.ts';

/** Everything that one stage's controller is made of; answers what people need to know of it. */
export async function controller() {
  assertStage($app.stage);
  const settings = settingsOf($app.stage, stages);
  const place = await placeOf(settings);
  assertFits(place);
  const letters = deadLetters(place);
  const bucket = releases(place);
  const table = journal(place);
  const topic = pages(place, settings, letters);
  schedules(place);
  secrets(place, settings);
  const { functions: made, api, publicApi, beacon } = functions(place, settings, letters);
  machine(place, settings, made);
  events({ place, functions: made, table, deadLetters: letters, topic });
  watch(place, topic);
  return { environment: place.environment, bucket: bucket.name, pages: topic.arn, api, publicApi, beacon };
}

async function placeOf({ completionsBucket, siteBuckets, access }: Settings): Promise<Place> {
  const [{ partition }, { region }, { accountId }] = await Promise.all([
    aws.getPartition({}),
    aws.getRegion({}),
    aws.getCallerIdentity({}),
  ]);
  const topics = Object.values(access?.notify ?? {})
    .flat()
    .flatMap((route) => ('sns' in route ? [route.sns] : []));
  return {
    ...{ partition, region, account: accountId, environment: $app.stage, completionsBucket, siteBuckets },
    topics: [...new Set(topics)],
  };
}
