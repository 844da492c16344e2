export { release } from './release.mjs';

const { average } = window.ratings.teapot;

export const details = () => `Brown, holds a litre. Rated ${average} of 5.`;
