/** `goals.ts`: writes docs/goals.md; `goals.ts --check`: exits 1 where that is not what the code says. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtins } from '../lib/builtins.js';
import { goalsPage } from '../lib/doctor/goals/page.js';

const file = join(import.meta.dirname, '..', 'docs', 'goals.md');

const registry = builtins();
await registry.load();
const page = await goalsPage(new Set(registry.all('scenario').map(({ type }) => type)));

if (process.argv[2] !== '--check') await writeFile(file, page);
else if ((await readFile(file, 'utf8').catch(() => '')) !== page) {
  console.error('docs/goals.md is not what the code says: npx tsx scripts/goals.ts');
  process.exitCode = 1;
}
