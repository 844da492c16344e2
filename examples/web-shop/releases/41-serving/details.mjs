export { release } from './release.mjs';

export const details = () => 'Brown, holds a litre.';
