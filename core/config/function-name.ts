import { type Says, textLike } from './check.ts';
import { word } from './plain.ts';

const FUNCTION = /^[A-Za-z0-9_-]{1,64}$/;

const functionSays: Says = ({ input }) => {
  const [, region, account, name] = /:([\w-]*):(\d*):function:([\w-]+)/.exec(word(input)) ?? [];
  if (name !== undefined)
    return `write only the function's name: \`${name}\`. It is looked for in the controller's own account and region; if those are not ${account} and ${region}, release it by a controller that is deployed there.`;
  return "write the function's name: 1 to 64 letters, digits, hyphens and underscores, no ARN and no version.";
};

/** Name of a Lambda function. */
export const functionField = textLike(FUNCTION, functionSays);
