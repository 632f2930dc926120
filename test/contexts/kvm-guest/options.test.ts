import { expect } from 'chai';
import { kvmGuest } from '../../../lib/contexts/kvm-guest/index.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';

const imageOf = (image: unknown) => kvmGuestOptions.safeParse({ image });

describe('The image of a guest', () => {
  it('is a built-in one, one that is described, or a file with its checksum', () => {
    expect(imageOf(undefined).data?.image).to.equal('debian-12');
    expect(imageOf('debian-12-rt').data?.image).to.equal('debian-12-rt');
    expect(imageOf({ kernel: 'amd64', tools: ['dpdk-testpmd'], size: '4GiB' }).data?.image).to.deep.include({
      name: 'bookworm-amd64-dpdk-testpmd',
      size: 4 * 2 ** 30,
      packages: [],
    });
    const sha256 = 'a'.repeat(64);
    expect(imageOf({ file: '/cloud.qcow2', sha256 }).data?.image).to.deep.equal({
      file: '/cloud.qcow2',
      sha256,
      user: 'root',
    });
  });

  it('is refused where it is none of them', () => {
    for (const wrong of [
      'debian-99',
      { file: '/cloud.qcow2' },
      { file: 'cloud.qcow2', sha256: 'a'.repeat(64) },
      { tools: ['rtlaa'] },
      { kernel: 'generic' },
      { name: 'debian-12' },
      { kernel: 'rt', file: '/cloud.qcow2' },
    ])
      expect(imageOf(wrong).success, JSON.stringify(wrong)).to.equal(false);
  });

  it('is in the plan', () => {
    const planned = (image: unknown) => kvmGuest.preview(kvmGuest.options.parse({ image })).join('\n');
    expect(planned('debian-12-rt')).to.contain('build image debian-12-rt unless');
    expect(planned({ kernel: 'rt', tools: ['rtla'] })).to.contain('build image bookworm-rt-rtla unless');
    expect(planned({ file: '/cloud.qcow2', sha256: 'a'.repeat(64) })).to.contain('check /cloud.qcow2');
  });
});
