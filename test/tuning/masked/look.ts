import { localHost } from '../../../lib/host/local.js';
import { planTuning } from '../../../lib/tuning/engine.js';
import { tuningOf } from '../machine.js';
import { writeBigHost } from './big-host.js';

// In a mount namespace of its own (see namespace.ts): what a big host would be tuned to, and how long one look takes.
const [cpus = '', interrupts = '', spec = '{}'] = process.argv.slice(2);
const host = localHost();
for (const path of ['/proc/irq', '/sys/devices/system/cpu', '/sys/devices/system/node'])
  await host.exec(['mount', '-t', 'tmpfs', 'none', path]);
writeBigHost(Number(cpus), Number(interrupts));
await host.exec(['mount', '--bind', '/proc/irq/table', '/proc/interrupts']);

const tuning = await tuningOf(JSON.parse(spec) as Parameters<typeof tuningOf>[0]);
const began = performance.now();
const { results, changes } = await planTuning(host, tuning);
process.stdout.write(JSON.stringify({ seconds: (performance.now() - began) / 1000, results, changes }));
