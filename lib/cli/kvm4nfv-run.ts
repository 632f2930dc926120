import { main } from './main.js';

process.exitCode = await main(['run', ...process.argv.slice(2)]);
