/** `schema.ts`: writes schema/; `schema.ts --check`: exits 1 where a file there is not what the code says. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtins } from '../lib/builtins.js';
import { resultJsonSchema } from '../lib/run/result.js';
import { suiteJsonSchema } from '../lib/suite/json-schema.js';

const directory = join(import.meta.dirname, '..', 'schema');

/** The published JSON Schemas by file name, as the code has them now. */
export const schemas = async (): Promise<ReadonlyMap<string, string>> => {
  const text = (schema: object) => `${JSON.stringify(schema, null, 2)}\n`;
  return new Map([
    ['suite.schema.json', text(await suiteJsonSchema(builtins()))],
    ['result.schema.json', text(resultJsonSchema())],
  ]);
};

/** Names of the files in schema/ that are missing or differ. */
export const staleSchemas = async (): Promise<string[]> => {
  const stale: string[] = [];
  for (const [name, text] of await schemas()) {
    const found = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    if (found !== text) stale.push(name);
  }
  return stale;
};

export const writeSchemas = async (): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const stale = await staleSchemas();
  for (const [name, text] of await schemas()) if (stale.includes(name)) await writeFile(join(directory, name), text);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] === '--check') {
    const stale = await staleSchemas();
    if (stale.length > 0) {
      console.error(`not what the code says: ${stale.map((name) => `schema/${name}`).join(', ')}: npm run build`);
      process.exitCode = 1;
    }
  } else {
    await writeSchemas();
  }
}
