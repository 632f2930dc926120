import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localHost } from '../../../lib/host/local.js';

/** libvirt's own schema, which virt-xml-validate hands to xmllint; here one xmllint checks many documents. */
const schema = '/usr/share/libvirt/schemas/domain.rng';

/** Skips what follows where the schema is not installed. */
export const needSchema = async (context: Mocha.Context): Promise<void> => {
  const found = await Promise.allSettled([schema, '/usr/bin/xmllint'].map((file) => access(file)));
  if (found.every(({ status }) => status === 'fulfilled')) return;
  console.log('      skipped: libvirt-clients or libxml2-utils is not installed');
  context.skip();
};

/** What libvirt's schema has against the documents; nothing where they are valid. */
export const invalid = async (documents: readonly string[]): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-domains-'));
  try {
    const files = documents.map((_, index) => join(directory, `${String(index)}.xml`));
    for (const [index, file] of files.entries()) await writeFile(file, documents[index] ?? '');
    const argv = ['xmllint', '--noout', '--relaxng', schema, ...files];
    const { stderr, exitCode } = await localHost().exec(argv, { check: false, timeout: 120_000 });
    return exitCode === 0
      ? ''
      : stderr
          .split('\n')
          .filter((line) => !line.endsWith(' validates'))
          .join('\n');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
