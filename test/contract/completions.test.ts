import { describeCompletions } from './completions.ts';
import { completionsStage, simulatedS3 } from './s3-stage.ts';

describeCompletions({ name: 's3', make: () => completionsStage('shared', simulatedS3()) });
