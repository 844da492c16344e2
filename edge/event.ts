/** What CloudFront hands to a function (CloudFront developer guide, "CloudFront Functions event structure"): only what these functions use. */

interface Values {
  value: string;
}

export interface ViewerRequest {
  readonly method: string;
  uri: string;
  querystring: Record<string, Values>;
  /** Names in lower case. */
  headers: Record<string, Values>;
  cookies: Record<string, Values>;
}

export interface ViewerResponse {
  statusCode: number;
  statusDescription?: string;
  headers: Record<string, Values>;
  cookies?: Record<string, { value: string; attributes?: string }>;
  body?: string;
}

export interface RequestEvent {
  context: { requestId: string };
  request: ViewerRequest;
}

export interface ResponseEvent extends RequestEvent {
  response: ViewerResponse;
}
