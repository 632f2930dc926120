/**
 * Runs the quick tests: those files that do not come to test/support/slow.ts by what they import. They boot nothing, and
 * can't: programs that would are kept from it. The last line is `N passed, N failed`.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from '../test/cli/cli.js';
import { conclude, mocha, root } from './mocha.js';
import { isSlow } from './slow-tests.js';

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name))
  .filter((name) => !isSlow(join(root, name)))
  .sort();

/** They tune this machine, which one run at a time has: one after the other. */
const tunes = /^test\/tuning\/|^test\/run\/(tuning|states)\.test|^test\/cli\/tune\.test/;

/** Two at a time where there are CPUs for it. The first has those that tune, and half of the others. */
const partsOf = (): readonly (readonly string[])[] => {
  if (availableParallelism() < 2) return [files];
  const [tuning, others] = [files.filter((file) => tunes.test(file)), files.filter((file) => !tunes.test(file))];
  return [[...tuning, ...others.filter((_, at) => at % 5 < 2)], others.filter((_, at) => at % 5 >= 2)];
};

/** In the place of QEMU: its version and its KVM may be asked for, but nothing with a kernel, a network or a state starts. */
const inPlaceOfQemu = (program: string, log: string): string => `#!/bin/sh
case " $* " in
  *" -kernel "* | *" -incoming "* | *" -netdev "* | *" -blockdev "*)
    echo "${program} $*" >>"${log}"
    echo 'a quick test may not boot a machine' >&2
    exit 97
    ;;
esac
PATH=\${PATH#*:} exec ${program} "$@"
`;

const inPlaceOf = (program: string, log: string): string => `#!/bin/sh
echo "${program} $*" >>"${log}"
echo 'a quick test may not start ${program}' >&2
exit 97
`;

// Once, and not by both at once.
await built();
const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-quick-'));
try {
  const log = join(directory, 'log');
  const put = (program: string, text: string): void => {
    writeFileSync(join(directory, program), text);
    chmodSync(join(directory, program), 0o755);
  };
  put('qemu-system-x86_64', inPlaceOfQemu('qemu-system-x86_64', log));
  for (const program of ['libvirtd', 'virtqemud', 'mmdebstrap']) put(program, inPlaceOf(program, log));
  const env = {
    KVM4NFV_QUICK: '1',
    KVM4NFV_LAB: '0',
    PATH: `${directory}:${process.env['PATH'] ?? ''}`,
  };
  const all = await Promise.all(partsOf().map((part) => mocha(part, env)));
  const booted = existsSync(log) ? readFileSync(log, 'utf8') : '';
  if (booted !== '') console.log(`A quick test has tried to boot a machine, which is a failure:\n${booted}`);
  conclude(all, booted === '' ? 0 : 1);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
