import * as calls from './calls.ts';
import { type Command, command } from './command.ts';

const operate = () => import('./commands/operate.ts');

/** Every command by its name, in the order of the help. */
export const COMMANDS: Record<string, Command> = {
  init: command(calls.INIT, async () => (await import('./commands/init.ts')).init),
  validate: command(calls.VALIDATE, async () => (await import('./commands/validate.ts')).validate),
  plan: command(calls.PLAN, async () => (await import('./commands/plan.ts')).plan),
  rehearse: command(calls.REHEARSE, async () => (await import('./commands/rehearse.ts')).rehearse),
  release: command(calls.RELEASE, async () => (await import('./commands/release.ts')).release),
  try: command(calls.TRY, async () => (await import('./commands/site.ts')).tryRelease),
  prune: command(calls.PRUNE, async () => (await import('./commands/site.ts')).prune),
  status: command(calls.STATUS, async () => (await import('./commands/status.ts')).status),
  watch: command(calls.WATCH, async () => (await import('./commands/watch.ts')).watch),
  explain: command(calls.EXPLAIN, async () => (await import('./commands/explain.ts')).explain),
  history: command(calls.HISTORY, async () => (await import('./commands/history.ts')).history),
  link: command(calls.LINK, async () => (await import('./commands/link.ts')).link),
  open: command(calls.OPEN, async () => (await import('./commands/link.ts')).open),
  report: command(calls.REPORT, async () => (await import('./commands/report.ts')).report),
  pause: command(calls.PAUSE, async () => (await operate()).simple('pause')),
  resume: command(calls.RESUME, async () => (await operate()).simple('resume')),
  promote: command(calls.PROMOTE, async () => (await operate()).promote),
  approve: command(calls.APPROVE, async () => (await operate()).approve),
  reject: command(calls.REJECT, async () => (await operate()).reject),
  abort: command(calls.ABORT, async () => (await operate()).abort),
  rollback: command(calls.ROLLBACK, async () => (await operate()).rollback),
  retry: command(calls.RETRY, async () => (await operate()).simple('retry')),
  acknowledge: command(calls.ACKNOWLEDGE, async () => (await operate()).simple('acknowledge')),
  completion: command(calls.COMPLETION, async () => (await import('./commands/completion.ts')).completion),
};
