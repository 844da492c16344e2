import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SLACK } from '../../api/slack.ts';

interface Manifest {
  display_information: { name: string; description: string; background_color: string };
  features: { bot_user: { display_name: string } };
  oauth_config: { scopes: { bot: string[] } };
  settings: { interactivity: { is_enabled: boolean; request_url: string } };
}

test('the manifest makes an app that may post, sends clicks to the API, and is one that Slack takes', () => {
  const file = new URL('../../docs/guides/slack-manifest.json', import.meta.url);
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const { display_information: shown, features, oauth_config: oauth, settings } = manifest;
  // Slack's reference of app manifests.
  expect(shown.name.length).toBeLessThanOrEqual(35);
  expect(shown.description.length).toBeLessThanOrEqual(140);
  expect(shown.background_color).toMatch(/^#[0-9a-f]{6}$/);
  expect(features.bot_user.display_name).toMatch(/^[a-z0-9._-]{1,80}$/);
  expect(oauth.scopes.bot).toEqual(['chat:write']);
  expect(settings.interactivity.is_enabled).toBe(true);
  const { protocol, pathname } = new URL(settings.interactivity.request_url);
  expect([protocol, pathname]).toEqual(['https:', `${SLACK}/actions`]);
});
