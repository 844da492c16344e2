// `npm run spillway -- COMMAND`: the command line. How a command is called is in calls.ts, what it does in commands/.
import { main } from './main.ts';
import { endUnread } from './print.ts';

endUnread();
process.exitCode = await main(process.argv.slice(2));
