export const release = '44-lost-chunk';
