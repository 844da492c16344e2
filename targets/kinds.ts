import type { TargetKinds } from '../core/target-kind.ts';
import { cloudfrontKind } from './cloudfront/kind.ts';
import { lambdaAliasKind } from './lambda-alias/kind.ts';

/** The kinds of targets. */
export const KINDS: TargetKinds = [lambdaAliasKind, cloudfrontKind];
