export const release = '41-serving';
