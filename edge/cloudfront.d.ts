/** The module of the runtime cloudfront-js-2.0 (CloudFront developer guide, "Helper methods"). */
declare module 'cloudfront' {
  const cf: {
    kvs(id?: string): { get(key: string, options: { format: 'json' }): Promise<unknown> };
    selectRequestOriginById(id: string): void;
  };
  export = cf;
}
