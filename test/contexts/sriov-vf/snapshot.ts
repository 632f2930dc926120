import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { inventoryOf, inventoryRequests, type Inventory } from '../../../lib/contexts/sriov-vf/inventory.js';
import { keyOf, type Snapshot } from '../../../lib/tuning/reading.js';

const recordedSchema = z.object({
  files: z.record(z.string(), z.string()),
  names: z.array(z.string()),
  commands: z.array(z.string()),
});
export type Recorded = z.output<typeof recordedSchema>;

/** What a host showed: outputs of commands in the order of the requests. */
export const recorded = (name: string): Recorded =>
  recordedSchema.parse(JSON.parse(readFileSync(new URL(`../../fixtures/sriov/${name}.json`, import.meta.url), 'utf8')));

export const snapshotOf = ({ files, names, commands }: Recorded): Snapshot => ({
  files: new Map(Object.entries(files)),
  names: new Set(names),
  texts: new Map(),
  links: new Map(),
  commands: new Map(
    inventoryRequests
      .filter((request) => request.kind === 'command')
      .map((request, index) => [keyOf(request), { exitCode: 0, stdout: commands[index] ?? '' }]),
  ),
});

/**
 * An emulated host (QEMU 10, igb) whose port ens101 has six VFs: 0 bound to vfio-pci, 1 in a domain that is shut off, 2 in
 * a namespace, 3 up, 4 with an address, 5 free. ens102 has none and is down.
 */
export const inUse = (change: (host: Recorded) => void = () => undefined): Inventory => {
  const host = recorded('linux-6.12-igb-in-use');
  change(host);
  return inventoryOf(snapshotOf(host));
};
