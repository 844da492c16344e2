import * as z from 'zod/mini';
import { strict, textLike } from '../../../core/config/check.ts';
import { sourceField } from '../../../core/config/targets.ts';
import type { TargetKind } from '../../../core/target-kind.ts';

/** A ledger, which no cloud has: what a kind of target must say that shares nothing with a function. */
export const ledgerKind: TargetKind = {
  kind: 'ledger',
  field: 'ledger',
  example: '{ ledger: books }',
  spec: strict({
    ledger: textLike(/^[a-z]{1,20}$/, () => "write the ledger's name: 1 to 20 small letters."),
    source: sourceField,
  }).check(z.describe('A ledger.')),
  artifacts: ['version'],
  identity: { fields: ['ledger'], noun: 'ledger' },
  answersBy: [],
  weightUnit: 1,
  byHand: 'write a line into the book',
  limits: { dlqNew: {}, oldestMessage: {}, iteratorAge: {}, batchFailures: {} },
};
