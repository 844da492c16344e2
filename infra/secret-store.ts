import { type Place, secretNameOf } from './place.ts';
import { assertSecret, secretsOf } from './secrets.ts';
import type { Settings } from './settings.ts';

/**
 * The secrets of a stage in Secrets Manager, each under a name of its own, so that a function can be allowed to read one and not
 * another. Not in the variables of functions, which many may read: also those with AWS's policy `ReadOnlyAccess`, which may
 * read parameters of Systems Manager as well.
 */
export function secrets(place: Place, settings: Settings): void {
  for (const name of secretsOf(settings)) {
    // SST has the value, so nothing is lost with it; a stage that is made again needs its name at once.
    const secret = new aws.secretsmanager.Secret(name, {
      name: secretNameOf(place, name),
      recoveryWindowInDays: 0,
    });
    const { value } = new sst.Secret(name);
    new aws.secretsmanager.SecretVersion(`${name}Value`, {
      secretId: secret.id,
      secretString: value.apply((text) => assertSecret(name, text)),
    });
  }
}
