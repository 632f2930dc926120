import { localHost } from '../../lib/host/local.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { tuningOf } from './machine.js';

// A controller for tests to kill: applies and restores over and over until it is.
const [run = '', knobs = '{}'] = process.argv.slice(2);
const tuning = await tuningOf({ profile: 'none', knobs: JSON.parse(knobs) as Record<string, number> });
process.stdout.write('ready\n');
for (;;) {
  const applied = await applyTuning(localHost(), run, tuning);
  await applied.restore();
}
