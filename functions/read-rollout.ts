import * as z from 'zod/mini';
import { type Asked, read } from '../controller/read.ts';
import type { Readings } from '../core/readings.ts';
import { aws } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { aboutOn, journalOn } from './_ports.ts';

const Input = z.discriminatedUnion('read', [
  z.strictObject({ read: z.literal('about') }),
  z.strictObject({ read: z.literal('running') }),
  z.strictObject({
    read: z.literal('recent'),
    service: z.string(),
    before: z.optional(z.string()),
    limit: z._default(z.int().check(z.gte(1), z.lte(100)), 20),
  }),
  z.strictObject({ read: z.literal('service'), service: z.string() }),
  z.strictObject({ read: z.literal('rollout'), rolloutId: z.string() }),
  z.strictObject({
    read: z.literal('events'),
    rolloutId: z.string(),
    after: z._default(z.int().check(z.gte(0)), 0),
    limit: z.optional(z.int().check(z.gte(1))),
  }),
]);

/** Answers what people, pipelines and pages want to know. */
export const readJournal: Task<Asked, Readings[keyof Readings], 'about' | 'journal'> = {
  input: Input,
  run: read,
};

/** The function on AWS. */
export const handler = lambda(readJournal, () => ({ about: aboutOn(aws), journal: journalOn(aws) }));
