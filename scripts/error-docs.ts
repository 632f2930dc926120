/** `error-docs.ts`: writes docs/errors.md; `error-docs.ts --check`: exits 1 where that is not what the code says. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCodes } from '../lib/error-codes/index.js';
import { exitCodeOfFault } from '../lib/run/exit-code.js';

const file = join(import.meta.dirname, '..', 'docs', 'errors.md');

const rows = Object.entries(errorCodes)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([code, { fault, meaning, remedy }]) =>
      `| \`${code}\` | ${fault} | ${String(exitCodeOfFault[fault])} | ${meaning} | ${remedy} |`,
  );

const page = `# Errors by their codes

Every error of kvm4nfv, and every mistake that it finds in a suite, has a code. The words may change from version to version;
the codes do not. They are shown in brackets behind the message on the terminal, and as \`code\` in \`result.json\`,
\`events.ndjson\` and \`kvm4nfv validate --json\`. The fault decides the exit code.

This page is made of the table in \`lib/error-codes\`: change that, then \`npx tsx scripts/error-docs.ts\`.

<!-- prettier-ignore -->
| code | fault | exit | what it means | what to do |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;

if (process.argv[2] === '--check') {
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found !== page) {
    console.error('docs/errors.md is not what the code says: npx tsx scripts/error-docs.ts');
    process.exitCode = 1;
  }
} else {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, page);
}
