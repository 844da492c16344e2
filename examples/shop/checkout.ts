/** Answers everybody. */
export const handler = async () => ({ statusCode: 200, body: 'thank you' });
