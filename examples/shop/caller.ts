/** Would call the checkout. */
export const handler = async () => 'called';
