// Stands in for the compiled part of aws-lambda-ric (`rapid-client.node`, an HTTP client in C++): gives the invocations one after
// the other and prints what the client posts back, each as one line. Everything that decides which answer counts is the
// client's own JavaScript. Loaded with `--import` before it.
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

/** @type {object[]} */
const invocations = JSON.parse(readFileSync(`${process.env.INVOCATIONS}`, 'utf8'));
let next = 0;

/** @param {object} what */
const say = (what) => writeSync(1, `#ric ${JSON.stringify(what)}\n`);

const client = {
  initializeClient() {},
  async next() {
    if (next === invocations.length) {
      say({ over: true });
      process.exit(0);
    }
    say({ begins: next });
    const bodyJson = JSON.stringify(invocations[next]);
    next += 1;
    const headers = {
      'lambda-runtime-aws-request-id': `r-${next}`,
      'lambda-runtime-invoked-function-arn':
        'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live',
      'lambda-runtime-deadline-ms': String(Date.now() + 10_000),
    };
    return { bodyJson, headers };
  },
  /** @param {string} _id @param {string} body */
  done(_id, body) {
    say({ answer: JSON.parse(body) });
  },
  /** @param {string} _id @param {string} body */
  error(_id, body) {
    say({ error: JSON.parse(body).errorType });
  },
};

const { Module } = createRequire(import.meta.url)('node:module');
/** @param {{ exports: unknown }} module */
Module._extensions['.node'] = (module) => {
  module.exports = client;
};
