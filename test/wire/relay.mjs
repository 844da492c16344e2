// Stands between the rule and its function: the program's S3 says an object was made without naming its version, as AWS
// does for every versioned bucket. Runs inside the program, where no SDK is installed.
const { ENDPOINT, TARGET, AWS_ACCESS_KEY_ID: id, AWS_REGION: region } = process.env;
/** @param {string} service */
const headers = (service) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=${id}/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

/** @param {{detail: {bucket: {name: string}, object: {key: string}}}} event */
export async function handler(event) {
  const { bucket, object } = event.detail;
  const found = await fetch(`${ENDPOINT}/${bucket.name}/${object.key}`, {
    method: 'HEAD',
    headers: headers('s3'),
  });
  const detail = {
    ...event.detail,
    object: { ...object, 'version-id': found.headers.get('x-amz-version-id') },
  };
  const answer = await fetch(`${ENDPOINT}/2015-03-31/functions/${TARGET}/invocations`, {
    method: 'POST',
    headers: headers('lambda'),
    body: JSON.stringify({ ...event, detail }),
  });
  if (!answer.ok || answer.headers.has('x-amz-function-error')) throw new Error(await answer.text());
  return answer.json();
}
