import { describeReleaseStore } from './release-store.ts';
import { releaseStage, simulatedS3 } from './s3-stage.ts';

describeReleaseStore({ name: 's3', make: () => releaseStage('releases', simulatedS3()) });
