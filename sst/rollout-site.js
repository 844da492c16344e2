/**
 * A component for users' SST apps, as `rollout-target.js` is: it takes `aws` and the names with a dollar from where SST bundles it.
 */

import { randomBytes } from 'node:crypto';
import edge from '../edge/built.json' with { type: 'json' };

/** The key of the store that says whose the site is, where its files lie and where it answers. */
const SITE_KEY = 'spillway-site';

/** The key that the edge reads. The controller alone writes it after this. */
const VALUE_KEY = 'spillway';

/** What serves before the first release, so that it is a rollout like any other, with something to go back to. */
const INITIAL = 'initial';
const INITIAL_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Nothing here yet</title>
<p>This site has had no release yet.</p>
`;

/** Managed policies of CloudFront (Amazon CloudFront developer guide, "Use managed cache policies" and "Use managed origin request policies"). */
const CACHED = '658327ea-f89d-4fab-a63d-7e88639e58f6';
const NOT_CACHED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
const ALL_BUT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';

/** What a browser shows of itself in headers of CloudFront's, which functions see only if a policy names them. */
const COUNTRY = 'CloudFront-Viewer-Country';
const ADDRESS = 'CloudFront-Viewer-Address';
const FINGERPRINT = 'CloudFront-Viewer-JA4-Fingerprint';

/** What an API, and a report, is asked by. */
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'];

/** The page for what is missing, of the newest upload. */
const ERROR_PAGE = '/404.html';

/** How long error answers of an origin are kept, in seconds: a page that was not there yet is asked for again at once. */
const ERRORS_KEPT = 0;

/** A static site whose visitors the controller moves; see `rollout-site.d.ts`. */
export class RolloutSite extends $util.ComponentResource {
  constructor(name, args, options = {}) {
    super('spillway:sst:RolloutSite', name, {}, options);
    refuse(name, args);
    this.site = { name, ...args };
    const { service, environment } = args;
    const own = { parent: this };
    const tags = { 'spillway:service': service };
    this.bucketResource = new aws.s3.Bucket(`${name}Files`, { tags }, own);
    this.bucket = this.bucketResource.bucket;
    new aws.s3.BucketPublicAccessBlock(
      `${name}FilesAccess`,
      {
        bucket: this.bucket,
        ...{ blockPublicAcls: true, blockPublicPolicy: true },
        ...{ ignorePublicAcls: true, restrictPublicBuckets: true },
      },
      own,
    );
    // The name is what a rollout file calls the site, so that it tells stages and apps apart.
    this.storeResource = new aws.cloudfront.KeyValueStore(
      `${name}Store`,
      { name: `${$app.name}-${$app.stage}-${name}`, comment: `Site of ${service}, moved by Spillway` },
      own,
    );
    this.name = this.storeResource.name;
    this.distribution = this.distributed(own, tags);
    this.url = $util.interpolate`https://${args.domain?.name ?? this.distribution.domainName}`;
    this.readable(own);
    this.begun(own);
    new aws.cloudfront.KeyvaluestoreKey(
      `${name}Site`,
      {
        keyValueStoreArn: this.storeResource.arn,
        key: SITE_KEY,
        // With the key of reports, which nobody who reads the state of the deployment is to learn.
        value: $util.secret(
          $util.jsonStringify({
            ...{ service, environment, bucket: this.bucket, url: this.url, layout: args.layout ?? 'dir' },
            // With the slash: what only begins alike is a page.
            ...(args.api === undefined ? {} : { api: `${args.api.path}/` }),
            ...(args.id === undefined ? {} : { id: idOf(args.id) }),
            ...(args.reports === undefined ? {} : { beacon: args.reports.key }),
            // By what the functions and the reports of this distribution can tell visitors apart.
            segments: ['c', ...(args.countries ? ['y'] : []), ...headersOf(args).map((each) => `h:${each}`)],
          }),
        ),
      },
      own,
    );
    this.registerOutputs({ name: this.name, bucket: this.bucket, url: this.url });
  }

  /** @internal */
  distributed(own, tags) {
    const {
      name,
      api,
      domain,
      layout = 'dir',
      id,
      reports,
      countries = false,
      errorPage = false,
    } = this.site;
    const access = new aws.cloudfront.OriginAccessControl(
      `${name}Access`,
      { originAccessControlOriginType: 's3', signingBehavior: 'always', signingProtocol: 'sigv4' },
      own,
    );
    const edgeFunction = (which, before) =>
      new aws.cloudfront.Function(
        `${name}${which === 'viewer-request' ? 'Request' : 'Response'}`,
        {
          runtime: 'cloudfront-js-2.0',
          code: edge[which].replace(';', `;${before}`),
          keyValueStoreAssociations: [this.storeResource.arn],
          publish: true,
        },
        own,
      ).arn;
    const known = `const LAYOUT=${JSON.stringify(layout)};`;
    const request = edgeFunction(
      'viewer-request',
      api === undefined ? known : `${known}const API=${JSON.stringify(`${api.path}/`)};`,
    );
    const associations = [
      { eventType: 'viewer-request', functionArn: request },
      { eventType: 'viewer-response', functionArn: edgeFunction('viewer-response', '') },
    ];
    const shown = [...(countries ? [COUNTRY] : []), ...(id === 'tls-fingerprint' ? [FINGERPRINT] : [])];
    const policy =
      shown.length === 0
        ? undefined
        : new aws.cloudfront.OriginRequestPolicy(
            `${name}Shown`,
            {
              cookiesConfig: { cookieBehavior: 'none' },
              headersConfig: { headerBehavior: 'whitelist', headers: { items: shown } },
              queryStringsConfig: { queryStringBehavior: 'none' },
            },
            own,
          ).id;
    // Reports need the visitor's cookie, and where the visitor is, by which a flood is known.
    const reported =
      reports === undefined
        ? undefined
        : new aws.cloudfront.OriginRequestPolicy(
            `${name}Reported`,
            {
              cookiesConfig: { cookieBehavior: 'all' },
              headersConfig: {
                headerBehavior: 'whitelist',
                headers: { items: [ADDRESS, ...(countries ? [COUNTRY] : []), ...headersOf(this.site)] },
              },
              queryStringsConfig: { queryStringBehavior: 'none' },
            },
            own,
          ).id;
    const headers = new aws.cloudfront.ResponseHeadersPolicy(
      `${name}Headers`,
      {
        securityHeadersConfig: {
          contentTypeOptions: { override: true },
          referrerPolicy: { referrerPolicy: 'strict-origin-when-cross-origin', override: false },
          strictTransportSecurity: { accessControlMaxAgeSec: 31_536_000, override: false },
        },
      },
      own,
    ).id;
    const called = (originId, url) => ({
      originId,
      domainName: $util.output(url).apply((each) => new URL(each).host),
      customOriginConfig: {
        ...{
          httpPort: 80,
          httpsPort: 443,
          originProtocolPolicy: 'https-only',
          originSslProtocols: ['TLSv1.2'],
        },
      },
    });
    const common = { viewerProtocolPolicy: 'redirect-to-https', compress: true };
    return new aws.cloudfront.Distribution(
      `${name}Distribution`,
      {
        enabled: true,
        comment: `Site of ${this.site.service}, moved by Spillway`,
        ...{ httpVersion: 'http2and3', isIpv6Enabled: true },
        // Also pages have a name: the function of the edge gives it, so that there is no default root object.
        origins: [
          {
            originId: 'files',
            domainName: this.bucketResource.bucketRegionalDomainName,
            originAccessControlId: access.id,
          },
          ...(api === undefined ? [] : [called('live', api.live), called('candidate', api.candidate)]),
          ...(reports === undefined
            ? []
            : [
                {
                  ...called('reports', reports.to),
                  customHeaders: [
                    { name: 'x-spillway-site', value: this.storeResource.name },
                    { name: 'x-spillway-key', value: $util.secret(reports.key) },
                  ],
                },
              ]),
        ],
        defaultCacheBehavior: {
          ...{ ...common, targetOriginId: 'files', cachePolicyId: CACHED, responseHeadersPolicyId: headers },
          ...(policy === undefined ? {} : { originRequestPolicyId: policy }),
          ...{ allowedMethods: ['GET', 'HEAD', 'OPTIONS'], cachedMethods: ['GET', 'HEAD'] },
          functionAssociations: associations,
        },
        orderedCacheBehaviors: [
          ...(reports === undefined
            ? []
            : [
                {
                  ...{ ...common, pathPattern: reports.path, targetOriginId: 'reports' },
                  ...{ cachePolicyId: NOT_CACHED, originRequestPolicyId: reported },
                  ...{ allowedMethods: METHODS, cachedMethods: ['GET', 'HEAD'] },
                },
              ]),
          ...(api === undefined
            ? []
            : [
                {
                  ...{ ...common, pathPattern: `${api.path}/*`, targetOriginId: 'live' },
                  ...{ cachePolicyId: NOT_CACHED, originRequestPolicyId: ALL_BUT_HOST },
                  ...{ allowedMethods: METHODS, cachedMethods: ['GET', 'HEAD'] },
                  functionAssociations: associations.slice(0, 1),
                },
              ]),
        ],
        // No error page where there is an API, which it would answer for; and never with another status than 404.
        customErrorResponses: [403, 404, 500, 501, 502, 503, 504].map((errorCode) => ({
          errorCode,
          errorCachingMinTtl: ERRORS_KEPT,
          ...(errorPage && errorCode === 404 ? { responseCode: 404, responsePagePath: ERROR_PAGE } : {}),
        })),
        restrictions: { geoRestriction: { restrictionType: 'none' } },
        ...(domain === undefined
          ? { viewerCertificate: { cloudfrontDefaultCertificate: true } }
          : {
              aliases: [domain.name, ...(domain.aliases ?? [])],
              viewerCertificate: {
                acmCertificateArn: domain.cert,
                ...{ sslSupportMethod: 'sni-only', minimumProtocolVersion: 'TLSv1.2_2021' },
              },
            }),
        tags,
        waitForDeployment: false,
      },
      own,
    );
  }

  /** @internal The release before the first one, and the key of the edge that leads to it. */
  begun(own) {
    const { name } = this.site;
    const folder = `_releases/${INITIAL}`;
    const list = { schema: 1, release: INITIAL, documents: ['/index.html'], assets: [], releaseBound: [] };
    const stored = (resource, key, content, contentType) =>
      new aws.s3.BucketObjectv2(
        `${name}${resource}`,
        {
          ...{ bucket: this.bucket, key: `${folder}/${key}`, content, contentType },
          ...{ cacheControl: 'public, max-age=0, must-revalidate', metadata: { release: INITIAL } },
        },
        own,
      );
    const page = stored('InitialPage', 'index.html', INITIAL_PAGE, 'text/html; charset=utf-8');
    const listed = stored(
      'InitialFiles',
      '.spillway-files.json',
      JSON.stringify({ ...list, elsewhere: [] }),
      'application/json; charset=utf-8',
    );
    new aws.cloudfront.KeyvaluestoreKey(
      `${name}Value`,
      {
        keyValueStoreArn: this.storeResource.arn,
        key: VALUE_KEY,
        // By the second one smoke tests are led to a release before any visitor.
        value: $util.secret(JSON.stringify({ s: INITIAL, k: randomBytes(24).toString('base64url') })),
      },
      { ...own, ignoreChanges: ['value'], dependsOn: [page, listed] },
    );
  }

  /** @internal The distribution alone reads the files, and nobody replaces one. It may list them too, so that what is not there is a 404 and not a 403. */
  readable(own) {
    const arn = this.bucketResource.arn;
    const of = (action, resource) => ({
      ...{ Effect: 'Allow', Principal: { Service: 'cloudfront.amazonaws.com' } },
      ...{ Action: action, Resource: resource },
      Condition: { StringEquals: { 'AWS:SourceArn': this.distribution.arn } },
    });
    new aws.s3.BucketPolicy(
      `${this.site.name}FilesPolicy`,
      {
        bucket: this.bucket,
        policy: $util.jsonStringify({
          Version: '2012-10-17',
          Statement: [
            of('s3:GetObject', $util.interpolate`${arn}/*`),
            of('s3:ListBucket', arn),
            // Nothing is written over what may serve (S3 user guide, "Enforce conditional writes"), but the page of this component.
            {
              ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject' },
              NotResource: this.site.errorPage
                ? [$util.interpolate`${arn}/_releases/${INITIAL}/*`, $util.interpolate`${arn}${ERROR_PAGE}`]
                : $util.interpolate`${arn}/_releases/${INITIAL}/*`,
              // The parts of a large file bear no condition; what puts them together does.
              Condition: {
                Null: { 's3:if-none-match': 'true' },
                Bool: { 's3:ObjectCreationOperation': 'true' },
              },
            },
            {
              ...{ Effect: 'Deny', Principal: '*', Action: 's3:*' },
              Resource: [arn, $util.interpolate`${arn}/*`],
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        }),
      },
      own,
    );
  }

  /** @internal What SST gives to functions that link to this one. */
  getSSTLink() {
    return { properties: { name: this.name, url: this.url, bucket: this.bucket } };
  }
}

/** A visitor's id as the edge names it. */
const idOf = (id) =>
  id === 'tls-fingerprint' ? 'j' : id.cookie === undefined ? `h:${id.header}` : `c:${id.cookie}`;

const headersOf = ({ segmentHeaders = [] }) => segmentHeaders.map((each) => each.toLowerCase());

/** @throws Error naming what cannot be rolled out, and the fix */
function refuse(
  name,
  { service, environment, layout, api, id, domain, reports, segmentHeaders = [], errorPage },
) {
  const says = (what) => new Error(`RolloutSite ${name}: ${what}.`);
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(service ?? '') || service.length > 40)
    throw says('service must be 1 to 40 small letters and digits, with single hyphens between them');
  if (!environment) throw says('environment must name the stage of the controller, such as "production"');
  if (`${$app.name}-${$app.stage}-${name}`.length > 64)
    throw says(
      `its store would be named ${$app.name}-${$app.stage}-${name}, and CloudFront takes 64 characters; choose a shorter name`,
    );
  if (layout !== undefined && !['dir', 'html', 'spa'].includes(layout))
    throw says(
      'layout must be "dir" (/about/index.html), "html" (/about.html) or "spa" (/index.html for all)',
    );
  if (api !== undefined && !/^(?:\/[\w-]+)+$/.test(api.path ?? ''))
    throw says('api.path must be the beginning of its paths, such as "/api"');
  if (api !== undefined && (api.live === undefined || api.candidate === undefined))
    throw says('api needs two URLs, live and candidate, such as url and candidateUrl of a RolloutTarget');
  if (errorPage === true && api !== undefined)
    throw says(
      'errorPage would answer in place of what the API says with 404; let the API and pages answer it themselves, or leave one of both out',
    );
  if (reports !== undefined && !/^(?:\/[\w-]+)+$/.test(reports.path ?? ''))
    throw says('reports.path must be one path, such as "/_s/0f9c2e4a"');
  if (reports !== undefined && (reports.to === undefined || reports.key === undefined))
    throw says('reports needs the address of the controller for reports, and a key');
  if (!segmentHeaders.every((each) => /^[A-Za-z0-9-]+$/.test(each)))
    throw says('segmentHeaders must be names of headers, such as ["x-beta"]');
  const isNamed =
    id === undefined || id === 'tls-fingerprint' || /^[\w-]+$/.test(id.cookie ?? id.header ?? '');
  if (id === 'tls-fingerprint' && api !== undefined)
    throw says(
      'the distribution shows an API no fingerprint, so calls of pages of the release under way would reach the version before; use id: { cookie: NAME } with api, or no id',
    );
  if (!isNamed) throw says('id must be { cookie: NAME }, { header: NAME } or "tls-fingerprint"');
  if (domain !== undefined && (!domain.name || !domain.cert))
    throw says('domain needs a name and cert, the ARN of a certificate in us-east-1');
}
