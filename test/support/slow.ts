/*
 * Imported by what boots a guest or an emulated host, builds an image, or needs minutes or the whole machine: the files of
 * tests that come to it, by whatever way, are no quick ones (scripts/quick.ts).
 */
if (process.env['KVM4NFV_QUICK'] === '1')
  throw new Error('a quick test has come to what boots machines: see test/support/slow.ts');
