import { memoryJournal } from '../../adapters/memory-journal.ts';
import { describeJournal } from './journal.ts';

describeJournal({ name: 'memory', make: () => memoryJournal() });
