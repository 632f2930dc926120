import { expect } from 'chai';
import fc from 'fast-check';
import {
  diffCmdline,
  mergeCmdline,
  missingParameters,
  parameterOf,
  renderCmdlineDiff,
  splitCmdline,
} from '../../lib/tuning/cmdline.js';

const name = fc.constantFrom('quiet', 'isolcpus', 'nohz_full', 'console', 'mce', 'iommu', 'kvm-intel.ple_gap', 'root');
const setting = fc.constantFrom('', '=1', '=2-5', '=off', '="a b"', '=ttyS0');
const single = fc.tuple(name, setting).map((parts) => parts.join(''));
const pages = fc
  .tuple(fc.constantFrom('1G', '2M', '2048K'), fc.nat({ max: 9 }))
  .map(([size, count]) => `hugepagesz=${size} hugepages=${String(count)}`);
const parameters = fc.array(fc.oneof(single, pages), { maxLength: 8 });

describe('merging a kernel command line', () => {
  it('gives the same when done twice, and then lacks nothing', () => {
    fc.assert(
      fc.property(parameters, parameters, (current, wanted) => {
        const once = mergeCmdline(current.join(' '), wanted);
        expect(mergeCmdline(once, wanted)).to.equal(once);
        // Of two values wanted for one parameter the last is what counts.
        expect(missingParameters(once, wanted.slice(-1))).to.deep.equal([]);
      }),
    );
  });

  it('never loses what it was not asked to change', () => {
    fc.assert(
      fc.property(parameters, (wanted) => {
        const merged = splitCmdline(
          mergeCmdline('BOOT_IMAGE=/vmlinuz ro dyndbg="file a.c +p" -- --init-flag isolcpus=9', wanted),
        );
        expect(merged).to.include.members(['BOOT_IMAGE=/vmlinuz', 'ro', 'dyndbg="file a.c +p"']);
        expect(merged.slice(-3)).to.deep.equal(['--', '--init-flag', 'isolcpus=9']);
      }),
    );
  });

  it('replaces a value in its place, - and _ being the same', () => {
    expect(
      mergeCmdline('quiet isolcpus=3 kvm-intel.ple_gap=128 ro isolcpus=9', ['isolcpus=2-5', 'kvm_intel.ple_gap=0']),
    ).to.equal('quiet isolcpus=2-5 kvm_intel.ple_gap=0 ro');
  });

  it('keeps several consoles and adds one', () => {
    expect(mergeCmdline('console=tty0 console=ttyS0', ['console=ttyS1'])).to.equal(
      'console=tty0 console=ttyS0 console=ttyS1',
    );
  });

  it('treats hugepagesz and hugepages as one, whatever the spelling of the size', () => {
    expect(
      mergeCmdline('hugepagesz=2048K hugepages=64 hugepagesz=1G hugepages=1', ['hugepagesz=1G hugepages=4']),
    ).to.equal('hugepagesz=2048K hugepages=64 hugepagesz=1G hugepages=4');
    expect(mergeCmdline('hugepagesz=2048K hugepages=64', ['hugepagesz=2M hugepages=8'])).to.equal(
      'hugepagesz=2M hugepages=8',
    );
  });

  it('sees that a parameter stands twice and the last one counts', () => {
    expect(missingParameters('isolcpus=2-5 isolcpus=9', ['isolcpus=2-5'])).to.deep.equal(['isolcpus=2-5']);
    expect(parameterOf('a -- isolcpus=3', 'isolcpus')).to.equal(undefined);
  });

  it('shows the difference', () => {
    expect(renderCmdlineDiff(diffCmdline('ro isolcpus=3', 'ro isolcpus=2-5 nosoftlockup'))).to.equal(
      '- isolcpus=3\n+ isolcpus=2-5\n+ nosoftlockup',
    );
  });
});
