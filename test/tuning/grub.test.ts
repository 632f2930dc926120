import { expect } from 'chai';
import { findBootloader } from '../../lib/tuning/bootloader.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { failureOf, grubMachine, refusalOf, set, treeOf } from './boot-machine.js';
import { grubTree, grubTrees, sourcedLine } from './grub-files.js';
import { recordedMachine } from './recorded.js';

describe("GRUB's files, which are shell", function () {
  this.timeout(30_000);
  for (const name of grubTrees())
    it(`keep every parameter: ${name}`, async () => {
      const shell = name === 'append-operator' ? 'bash' : 'sh';
      const host = grubMachine(grubTree(name));
      const [before, tree] = [sourcedLine(host.files, shell), treeOf(host)];
      expect(await findBootloader(host)).to.have.property('configured', before);
      expect(await set(host, ['skew_tick=1'])).to.equal('grub');
      expect(sourcedLine(host.files, shell)).to.equal(`${before} skew_tick=1`);
      expect((await restoreRun(host, 'run-1')).complete).to.equal(true);
      expect(treeOf(host)).to.deep.equal(tree);
    });

  it('replace what has to be changed in the variable that has it, and leave the other as it is', async () => {
    const host = grubMachine({
      '/etc/default/grub': `GRUB_CMDLINE_LINUX="root=/dev/vg/root isolcpus=7 dyndbg='+p'"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet \\$tuned_params"\n`,
    });
    await set(host);
    expect(sourcedLine(host.files)).to.equal(
      `root=/dev/vg/root isolcpus=domain,2-3 dyndbg='+p' quiet $tuned_params skew_tick=1`,
    );
    const recovery = new Map([
      ...host.files,
      ['/etc/default/grub.d/zzzz-only-linux.cfg', 'GRUB_CMDLINE_LINUX_DEFAULT=\n'],
    ]);
    expect(sourcedLine(recovery)).to.equal(`root=/dev/vg/root isolcpus=domain,2-3 dyndbg='+p'`);
  });

  it('are refused, and put back, where one of them takes ours away again', async () => {
    // By bytes `~` comes behind every letter.
    const host = grubMachine({
      ...grubTree('later-drop-in'),
      '/etc/default/grub.d/~last.cfg': 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    });
    const tree = treeOf(host);
    expect(await failureOf(host)).to.match(/it would lack skew_tick=1 isolcpus=domain,2-3.*after ours/);
    expect((await restoreRun(host, 'run-1')).complete).to.equal(true);
    expect(treeOf(host)).to.deep.equal(tree);
  });

  it('are refused where a shell does not get to their end', async () => {
    for (const text of ['if [ -e /x ]; then\n', 'GRUB_CMDLINE_LINUX="a\n', 'exit 0\n'])
      expect(await refusalOf(grubMachine({ '/etc/default/grub': text }))).to.contain('a shell does not get through');
    expect(await failureOf(grubMachine({ '/etc/default/grub': `GRUB_CMDLINE_LINUX='dyndbg="a'\n` }))).to.contain(
      'quote',
    );
  });

  it('are read to where they return', async () => {
    const host = grubMachine({ '/etc/default/grub': 'GRUB_CMDLINE_LINUX="a=1"\nreturn 0\nGRUB_CMDLINE_LINUX=\n' });
    await set(host, ['skew_tick=1']);
    expect(sourcedLine(host.files)).to.equal('a=1 skew_tick=1');
  });

  it('get ours at the end of the defaults file where nothing reads drop-ins', async () => {
    const generator = '/usr/sbin/grub2-mkconfig';
    const { host } = recordedMachine('grub-no-update-grub-opensuse', { commands: { [generator]: () => '' } });
    const tree = treeOf(host);
    expect(await set(host)).to.equal('grub');
    expect(host.executed.some((argv) => argv[0] === 'sh')).to.equal(true);
    const first = sourcedLine(host.files);
    expect(first).to.equal('splash=silent quiet mitigations=auto skew_tick=1 isolcpus=domain,2-3');
    // A run that was left as it is, and another one.
    await set(host, ['skew_tick=1', 'audit=0']);
    expect(sourcedLine(host.files)).to.equal('splash=silent quiet mitigations=auto skew_tick=1 audit=0');
    expect((await restoreRun(host, 'run-1')).complete).to.equal(true);
    expect(treeOf(host)).to.deep.equal(tree);
  });
});

const config = '/boot/grub/grub.cfg';
const menu = (
  line: string,
  more: { readonly recovery?: string; readonly fallback?: string; readonly root?: string } = {},
): string => `
set default="${more.fallback ?? '0'}"
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {
	linux	/vmlinuz-6.12 root=${more.root ?? '/dev/sda2'} ro ${line}
	initrd	/initrd.img-6.12
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced' {
	menuentry 'Debian, with Linux 6.12 (recovery mode)' $menuentry_id_option 'gnulinux-recovery' {
		linux	/vmlinuz-6.12 root=/dev/sda2 ro single ${more.recovery ?? 'console=ttyS0 cryptdevice=UUID=0:c'}
		initrd	/initrd.img-6.12
	}
}
menuentry 'My own' --id own {
	linux	/vmlinuz-own root=/dev/sda2
}
`;

describe('the menu that GRUB will show', function () {
  this.timeout(30_000);
  const files = { '/etc/default/grub': 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n', [config]: menu('quiet') };
  /** A generator that makes of the line what `make` makes of it. */
  const generating = (make: (line: string) => string, more: Readonly<Record<string, string>> = {}): SimulatedHost =>
    grubMachine({ ...files, ...more }, (host) => host.files.set(config, make(sourcedLine(host.files))));

  it('is taken where it has what was asked for and all else as before', async () => {
    const host = generating((line) => menu(line));
    expect(await set(host)).to.equal('grub');
    expect(host.files.get(config)).to.equal(menu('quiet skew_tick=1 isolcpus=domain,2-3'));
    await restoreRun(host, 'run-1');
    expect(host.files.get(config)).to.equal(menu('quiet'));
  });

  const refused: Readonly<Record<string, readonly [RegExp, (line: string) => string]>> = {
    'loses a parameter': [/would lose quiet/, (line) => menu(line.replace('quiet', ''))],
    'gets another root': [
      /would lose root=\/dev\/sda2.*would get root=\/dev\/sdb1/,
      (line) => menu(line, { root: '/dev/sdb1' }),
    ],
    'gets a parameter that nobody asked for': [/would get splash as well/, (line) => menu(`${line} splash`)],
    'has a recovery entry that loses its console': [
      /recovery mode.*would lose console=ttyS0/,
      (line) => menu(line, { recovery: 'cryptdevice=UUID=0:c' }),
    ],
    'lacks what was asked for': [/the default: it would lack skew_tick=1/, () => menu('quiet')],
    'loses an entry': [/would lose My own/, (line) => menu(line).replace(/menuentry 'My own'[^]*/, '')],
    'is empty': [/makes no menu/, () => ''],
    'is cut at the first parameter on a line of its own': [
      /it would lack/,
      (line) => menu(line.replace('skew', '\nskew')),
    ],
  };
  for (const [what, [reason, make]] of Object.entries(refused))
    it(`is refused, and put back, where it ${what}`, async () => {
      const host = generating((line) => (line.includes('skew_tick') ? make(line) : menu(line)));
      const tree = treeOf(host);
      expect(await failureOf(host)).to.match(reason);
      expect((await restoreRun(host, 'run-1')).complete).to.equal(true);
      expect(treeOf(host)).to.deep.equal(tree);
    });

  it("is refused where an entry boots by default that is nobody else's", async () => {
    const host = generating((line) => menu(line, { fallback: 'own' }), {
      [config]: menu('quiet', { fallback: 'own' }),
    });
    expect(await failureOf(host)).to.contain('My own (/vmlinuz-own), the default: it would lack');
    const once = generating((line) => menu(line), {
      '/boot/grub/grubenv': '# GRUB Environment Block\nnext_entry=own\n',
    });
    expect(await failureOf(once)).to.contain('My own (/vmlinuz-own), the default: it would lack');
    const saved = generating((line) => menu(line, { fallback: '${saved_entry}' }), {
      [config]: menu('quiet', { fallback: '${saved_entry}' }),
      '/boot/grub/grubenv': 'saved_entry=gnulinux-simple\n',
    });
    expect(await set(saved)).to.equal('grub');
  });

  it('replaces what tuned sets by its variable only where that has to be changed', async () => {
    const tuned = (params: string): SimulatedHost => {
      const head = `set tuned_params="${params}"\n`;
      const own =
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT \\$tuned_params"\n';
      return generating((line) => `${head}${menu(line)}`, {
        '/etc/default/grub': own,
        [config]: `${head}${menu('quiet $tuned_params')}`,
      });
    };
    const beside = tuned('nosmt');
    await set(beside);
    expect(sourcedLine(beside.files)).to.equal('quiet $tuned_params skew_tick=1 isolcpus=domain,2-3');
    const against = tuned('isolcpus=6-7 nosmt');
    await set(against);
    expect(sourcedLine(against.files)).to.equal('quiet isolcpus=domain,2-3 nosmt skew_tick=1');
    const there = tuned('isolcpus=2,3');
    await set(there);
    expect(sourcedLine(there.files)).to.equal('quiet $tuned_params skew_tick=1');
  });

  it('of another system is not written', async () => {
    const host = grubMachine({ ...files, [config]: menu('quiet').replaceAll('/dev/sda2', '/dev/nvme0n1p9') });
    expect(await refusalOf(host)).to.contain('another GRUB booted it');
    const two = grubMachine({ ...files, '/boot/grub2/grub.cfg': menu('quiet') });
    expect(await refusalOf(two)).to.contain('which one boots can');
  });
});
