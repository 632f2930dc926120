import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { built, cli, inDirectory, onlyResult, runsIn, suiteOf, writeSuite } from './cli.js';

/** A file system of one's own, in which the tracers seem to be there. */
const traced = [
  ...['unshare', '-m', 'sh', '-c'],
  'mount -t tmpfs none /sys/kernel/tracing && mkdir /sys/kernel/tracing/osnoise && : >/sys/kernel/tracing/osnoise/timerlat_period_us && exec "$@"',
  'sh',
];

const help = `rtla timerlat hist: a per-cpu histogram of the timer latency (version 6.15.0)
  -a/--auto: set automatic trace mode
  -c/--cpus cpus: run the tracer only on the given cpus
     --no-aa: disable auto-analysis
  -k/--kernel-threads: use timerlat kernel-space threads`;

const table = (count: number, max: number): string => `# RTLA timerlat histogram
# Time unit is microseconds (us)
# Duration:   0 00:00:01
Index   IRQ-000   Thr-000
0     ${String(count).padStart(9)}         0 
2             0 ${String(count - 1).padStart(9)} 
${String(max).padEnd(6)}        0         1 
over:         0         0 
count:${String(count).padStart(9)} ${String(count).padStart(9)} 
min:          0         2 
avg:          0         2 
max:          0 ${String(max).padStart(9)} `;

/** What a run gives with an rtla that prints this after a second. */
const run = (
  printed: string,
  options: Record<string, unknown>,
  check: (found: { code: number | null; reasons: string; raw: string[] }) => void,
): Promise<void> =>
  inDirectory(async (directory) => {
    const bin = join(directory, 'bin');
    await mkdir(bin);
    await writeFile(
      join(bin, 'rtla'),
      `#!/bin/sh\ncase "$*" in *--help*) cat <<'END' >&2\n${help}\nEND\nexit 0 ;; *-a*) echo trace >timerlat_trace.txt ;; esac\nsleep 1.02\ncat <<'END'\n${printed}\nEND\n`,
    );
    await chmod(join(bin, 'rtla'), 0o755);
    const suite = suiteOf({ options: { tool: 'timerlat', duration: '1s', ...options }, sla: ['max <= 1h'] });
    const { code } = await cli(['run', await writeSuite(directory, suite)], {
      cwd: directory,
      prefix: traced,
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    const [id = ''] = await runsIn(directory);
    const { tests } = await onlyResult(directory);
    const raw = await readdir(join(directory, 'results', id, 'timer', '0', 'raw'));
    check({ code, reasons: tests.flatMap(({ reasons }) => reasons).join('\n'), raw });
  });

describe('an rtla of another version', function () {
  this.timeout(60_000);
  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    await built();
  });

  it('passes where all is there', () =>
    run(table(1000, 30), { cpus: 0 }, ({ code, reasons }) => {
      expect([code, reasons]).to.deep.equal([0, '']);
    }));

  it('kind A: has no data where samples or a CPU are missing', () =>
    run(table(700, 30), { cpus: '0-1' }, ({ code, reasons }) => {
      expect(code).to.equal(1);
      expect(reasons).to.contain('thread (cpu 0) has 700 of 1000 samples');
      expect(reasons).to.contain('thread (cpu 1) was asked for and not measured');
    }));

  it('kind B: has no data where events were missed', () =>
    run(`${table(1000, 30)}\n40 (3.85%) events missed, results might not be accurate`, { cpus: 0 }, (found) => {
      expect(found.code).to.equal(1);
      expect(found.reasons).to.equal('rtla: 40 (3.85%) events missed, results might not be accurate');
    }));

  it('kind D: fails where a latency is not below its limit, though it says nothing of a stop', () =>
    run(table(1000, 61), { cpus: 0, stop_thread: '50us' }, ({ code, reasons }) => {
      expect(code).to.equal(1);
      expect(reasons).to.contain('CPU 0 had a latency of 61 us (thread), not less than the 50 us of stop_thread');
    }));

  it('kind F: keeps the trace of auto', () =>
    run(`${table(600, 61)}\nrtla timerlat hit stop tracing`, { cpus: 0, auto: '50us' }, ({ code, raw }) => {
      expect(code).to.equal(1);
      expect(raw).to.include('timerlat_trace.txt');
    }));

  it('kind C: is refused before it measures where it lacks an option', () =>
    inDirectory(async (directory) => {
      const bin = join(directory, 'bin');
      await mkdir(bin);
      await writeFile(join(bin, 'rtla'), `#!/bin/sh\ncat <<'END' >&2\n${help}\nEND\n`);
      await chmod(join(bin, 'rtla'), 0o755);
      const suite = suiteOf({ options: { tool: 'timerlat', cpus: 0, duration: '1s', warm_up: '1s' } });
      const { code, stdout } = await cli(['run', await writeSuite(directory, suite)], {
        cwd: directory,
        prefix: traced,
        env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      });
      expect(code, stdout).to.equal(3);
      expect(stdout).to.contain('has a rtla without --warm-up: a newer rtla is needed');
    }));
});
