import { once } from 'node:events';
import { openHost } from '../../../lib/host/open.js';
import { hostSchema } from '../../../lib/host/spec.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import type { TuningSpec } from '../../../lib/tuning/tuning-schema.js';
import { tuningOf } from '../machine.js';

// A controller for tests to kill: connects, waits for a word, then tunes a host over SSH and puts it back, over and over, until it is.
const [run = '', spec = '', wanted = ''] = process.argv.slice(2);
const host = await openHost('dut', new Map([['dut', hostSchema.parse(JSON.parse(spec))]]));
const tuning = await tuningOf(JSON.parse(wanted) as Partial<TuningSpec>);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
for (;;) {
  const applied = await applyTuning(host, run, tuning);
  await applied.restore();
}
