export { release } from './release.mjs';

// Built by somebody else, and forgotten.
const { stars } = await import(/* @vite-ignore */ '/assets/stars-1b2c3d4e.js');

export const details = () => `Brown, holds a litre. ${stars(4.6)}`;
