import { LambdaClient } from '@aws-sdk/client-lambda';
import { iamPrincipal } from '../core/people/access.ts';
import { type Answers, answersOn, behindUrl } from './_api.ts';
import { lambda, type Task } from './_lambda.ts';
import { keeping } from './_secrets.ts';
import type { UrlAnswer, UrlEvent } from './_url.ts';

/**
 * The API for those who sign with credentials of AWS: IAM has checked the signature, and names who made it. Whoever may invoke this
 * function otherwise than by its address can write any name into the event, so nobody is to be granted that.
 */
export const apiIam: Task<UrlEvent, UrlAnswer, Answers> = behindUrl(({ access }) => ({
  isPublic: false,
  async principal(_, env) {
    const { event } = env as { event: UrlEvent };
    const arn = event.requestContext.authorizer?.iam?.userArn;
    return arn === undefined ? undefined : iamPrincipal(arn, access);
  },
}));

/** The function on AWS. */
export const handler = lambda(apiIam, () => answersOn(keeping(LambdaClient)));
