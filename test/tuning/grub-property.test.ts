import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { splitCmdline } from '../../lib/tuning/cmdline.js';
import {
  dropInBehind,
  dropInText,
  grubAssignments,
  grubValues,
  grubValuesScript,
} from '../../lib/tuning/boot/grub-defaults.js';
import { unproven } from '../../lib/tuning/boot/prove.js';
import { keyOf, type Snapshot } from '../../lib/tuning/reading.js';
import { grubValuesRequest, lineOfValues } from '../../lib/tuning/boot/grub-defaults.js';

const files = 1000;
const wanted = ['skew_tick=1', 'isolcpus=domain,2-3', 'intel_iommu=on', 'hugepagesz=1G hugepages=4'];

const parameter = fc.constantFrom(
  ...[
    'quiet',
    'splash',
    'root=/dev/mapper/vg-root',
    'cryptdevice=UUID=0:c',
    'rd.lvm.lv=vg/root',
    'console=tty0',
    'console=ttyS0,115200',
  ],
  ...[
    'isolcpus=7',
    'isolcpus=nohz,2,3',
    'intel_iommu=on,sm_on',
    'intel_iommu=off',
    'skew_tick=0',
    'hugepagesz=1GB hugepages=2',
  ],
  ...[
    'hugepages=8',
    'default_hugepagesz=1G',
    'crashkernel=2G-4G:320M,4G-:512M',
    'net.ifnames=0',
    'tsc=unstable',
    'resume=UUID=1-2',
  ],
);
const line = fc.array(parameter, { maxLength: 5 }).map((words) => words.join(' '));
const variable = fc.constantFrom('GRUB_CMDLINE_LINUX', 'GRUB_CMDLINE_LINUX_DEFAULT');

/** One statement of a boot file, as people and tools write them. */
const statement = fc.oneof(
  fc.tuple(variable, line).map(([name, text]) => `${name}="${text}"`),
  fc.tuple(variable, line).map(([name, text]) => `${name}='${text}'`),
  fc.tuple(variable, line).map(([name, text]) => `export ${name}="${text}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}="$${name} ${word}" # was "${word}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}=$${name}" ${word}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}="\${${name}:+$${name} }${word}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}="\${${name}:-${word}} quiet"`),
  fc.tuple(variable, line, line).map(([name, a, b]) => `${name}="${a} \\\n  ${b}"`),
  fc.tuple(variable, line, line).map(([name, a, b]) => `OWN="${a}"; ${name}="$OWN ${b}"`),
  fc.tuple(variable, line, line).map(([name, a, b]) => `GRUB_CMDLINE_LINUX="${a}"; ${name}="${b}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}="$${name} $(echo '${word}')"`),
  fc.tuple(variable, parameter).map(([name, word]) => `${name}="$${name} \`echo ${word}\`"`),
  fc
    .tuple(variable, parameter)
    .map(([name, word]) => `if [ "$(uname -s)" = Linux ]; then\n  ${name}="$${name} ${word}"\nelse\n  ${name}=\nfi`),
  fc.tuple(variable, parameter).map(([name, word]) => `[ -e /nowhere ] && ${name}="${word}"`),
  fc.tuple(variable, parameter).map(([name, word]) => `case $HOME in /nowhere) ${name}="${word}" ;; esac`),
  fc
    .tuple(variable, parameter)
    .map(([name, word]) => `for word in ${word.split(' ')[0] ?? ''} nosmt; do ${name}="$${name} $word"; done`),
  variable.map((name) => `${name}="$${name} \\$tuned_params"`),
  variable.map((name) => `${name}="$${name} dyndbg=\\"file a.c +p\\""`),
  variable.map((name) => `${name}="$${name} dyndbg='+p'"`),
  variable.map((name) => `unset ${name}`),
  fc.constantFrom(
    '# GRUB_CMDLINE_LINUX="no"',
    '',
    'echo noise',
    'x=1',
    'cd /',
    'IFS=:',
    'set -- a b c',
    'false',
    'GRUB_TIMEOUT=5',
  ),
);
const file = fc.array(statement, { minLength: 1, maxLength: 6 }).map((statements) => `${statements.join('\n')}\n`);
const boot = fc.record({
  defaults: file,
  dropIns: fc.dictionary(fc.constantFrom('50-site', 'kdump-tools', 'zz-last', 'zzz', 'Z', '99-x'), file, {
    maxKeys: 3,
  }),
});

const asSourced = `
oracle=$1
. "$oracle/grub" >/dev/null 2>&1
for x in "$oracle"/grub.d/*.cfg; do [ ! -e "$x" ] || . "$x" >/dev/null 2>&1; done
printf '%s %s' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"
`;
const clean = { PATH: process.env['PATH'] ?? '', HOME: '/', LC_ALL: 'C' };
const sh = (root: string, script: string, ...args: readonly string[]): string =>
  execFileSync('sh', ['-c', script, 'sh', ...args], { encoding: 'utf8', cwd: root, env: clean });

describe('boot files in the grammar of the shell', function () {
  this.timeout(600_000);

  it(`${String(files)} of them: a shell and we read the same, and no parameter is lost`, () => {
    const root = mkdtempSync(join(tmpdir(), 'kvm4nfv-property-'));
    try {
      fc.assert(
        fc.property(boot, ({ defaults, dropIns }) => {
          rmSync(join(root, 'grub.d'), { recursive: true, force: true });
          mkdirSync(join(root, 'grub.d'));
          writeFileSync(join(root, 'grub'), defaults);
          for (const [name, text] of Object.entries(dropIns)) writeFileSync(join(root, 'grub.d', `${name}.cfg`), text);
          const before = splitCmdline(sh(root, asSourced, root)).join(' ');
          const stdout = sh(root, grubValuesScript, join(root, 'grub'), join(root, 'grub.d'));
          const values = grubValues(showing(stdout))?.others;
          expect(values === undefined ? undefined : lineOfValues(values)).to.equal(before);
          if (values === undefined) return;
          const own = dropInBehind(Object.keys(dropIns).map((name) => `/etc/default/grub.d/${name}.cfg`));
          writeFileSync(
            join(root, 'grub.d', own.slice(own.lastIndexOf('/') + 1)),
            dropInText(grubAssignments(values, new Map(), wanted)),
          );
          const after = splitCmdline(sh(root, asSourced, root)).join(' ');
          expect(unproven(before, after, wanted), `${before}\n${after}`).to.deep.equal([]);
        }),
        { numRuns: files },
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

const showing = (stdout: string): Snapshot => ({
  files: new Map(),
  names: new Set(),
  texts: new Map(),
  links: new Map(),
  commands: new Map([[keyOf(grubValuesRequest), { exitCode: 0, stdout }]]),
});
