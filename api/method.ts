/** Methods that no Request may have (Fetch, "forbidden method"). */
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/i;

/** A method as a Request can have it: one that nobody takes stands for those that it may not have. */
export const methodFor = (method: string): string => (FORBIDDEN.test(method) ? `X-${method}` : method);
