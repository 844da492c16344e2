export { release } from './release.mjs';

export const details = () => 'Brown, holds a litre. Rated 4.6 of 5.';
