export const release = '42-ratings';
