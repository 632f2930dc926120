import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { parseKvmProbe, probeKvm } from '../../lib/libvirt/kvm-probe.js';

describe('probeKvm', function () {
  this.timeout(60_000);

  it('tells whether a guest really ran, and why not', async () => {
    await using host = localHost();
    const probe = await probeKvm(host);
    expect(probe.works).to.be.a('boolean');
    expect(probe.reason).to.match(/ran under KVM|\/dev\/kvm|not installed/);
  });

  it('asks once per boot', async () => {
    await using host = localHost();
    expect(await probeKvm(host)).to.equal(await probeKvm(host));
  });

  it('says that QEMU is missing where it is', async () => {
    await using host = localHost();
    const probe = await probeKvm(host, { emulator: 'qemu-system-none' });
    expect(probe.works).to.equal(false);
    expect(probe.reason).to.match(/not installed|\/dev\/kvm/);
  });

  it('reads every ending', () => {
    expect(parseKvmProbe('ended 33\n')).to.include({ works: true });
    expect(parseKvmProbe('ended 137\n').reason).to.contain('did not get through its start');
    expect(
      parseKvmProbe('ended 134\nqemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nAborted'),
    ).to.deep.equal({
      works: false,
      reason: '/dev/kvm is there, but QEMU ended with 134: error: failed to set MSR 0x10a to 0x69',
    });
    expect(parseKvmProbe('none\n').reason).to.equal('there is no /dev/kvm');
    expect(parseKvmProbe('denied\n').works).to.equal(false);
    expect(parseKvmProbe('')).to.include({ works: false });
  });

  it('runs a boot sector that gets through under TCG', async function () {
    await using host = localHost();
    const found = await host.exec(['sh', '-c', 'command -v qemu-system-x86_64'], { check: false });
    if (found.exitCode !== 0) this.skip();
    const probe = await probeKvm(host, { accelerator: 'tcg' });
    expect(probe).to.deep.equal({ works: true, reason: 'a 64-bit guest ran under TCG' });
  });
});
