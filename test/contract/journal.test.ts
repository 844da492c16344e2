import { memoryJournal } from '../../simulation/memory-journal.ts';
import { describeJournal } from './journal.ts';

describeJournal({ name: 'memory', make: () => memoryJournal() });
