import { localHost } from '../../lib/host/local.js';
import { restoreRun } from '../../lib/tuning/restore.js';

// A controller for tests to kill while it puts a run back.
const [run = '', directory = ''] = process.argv.slice(2);
await restoreRun(localHost(), run, { directory });
