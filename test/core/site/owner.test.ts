import { expect, test } from 'vitest';
import { ownerFrom } from '../../../core/site/owner.ts';

test.each([
  ['https://www.example.com', true],
  ['https://www.example.com:8443', true],
  ['http://localhost', true],
  ['http://localhost:4747', true],
  ['http://localhost.evil.example', false],
  ['http://localhost:4747.evil.example', false],
  ['http://localhost-evil.example', false],
  ['http://www.example.com', false],
  ['https://www.example.com/', false],
  ['https://www.example.com@evil.example', false],
])('secrets of smoke tests go to %s: %s', (url, isTaken) => {
  const owner = ownerFrom(JSON.stringify({ service: 'shop', bucket: 'shop-web', url, layout: 'dir' }));
  expect('fault' in owner).toBe(!isTaken);
});
