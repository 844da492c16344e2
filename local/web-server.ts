/** A web server of the embedded world: answers a request, or never does. */
export type WebServer = (request: Request) => Response | Promise<Response>;
