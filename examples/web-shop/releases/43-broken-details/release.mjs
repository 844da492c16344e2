export const release = '43-broken-details';
