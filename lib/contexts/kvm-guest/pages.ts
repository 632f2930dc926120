import type { Host } from '../../host/host.js';
import { leaseDirectory } from './resources.js';

// $1: KiB of a page, $2: directory of the leases. `node <id> <total> <free>`, and the leases of the size by their names.
const pagesScript = `
for node in /sys/devices/system/node/node[0-9]*; do
  pool=$node/hugepages/hugepages-$1kB
  read -r total 2>/dev/null <"$pool/nr_hugepages" || continue
  read -r free 2>/dev/null <"$pool/free_hugepages" || continue
  echo "node \${node##*/node} $total $free"
done
cd "$2" 2>/dev/null || exit 0
for lease in "hugepages-$1-node"*; do
  [ ! -e "$lease" ] || echo "lease \${lease#"hugepages-$1-node"}"
done
exit 0
`;

/** Huge pages of a size in bytes that a guest can have of each NUMA node now: free, and leased to no other guest. By node and size. */
export const freePages = async (
  host: Host,
  size: number,
): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>> => {
  const { stdout } = await host.exec(['sh', '-c', pagesScript, 'sh', String(size / 1024), leaseDirectory]);
  const leased = new Map<string, number>();
  for (const [, node = '', count] of stdout.matchAll(/^lease (\d+)\.\d+\.(\d+)$/gm))
    leased.set(node, (leased.get(node) ?? 0) + Number(count));
  return new Map(
    [...stdout.matchAll(/^node (\d+) (\d+) (\d+)$/gm)].map(([, node = '', total, free]) => [
      Number(node),
      new Map([[size, Math.max(0, Math.min(Number(free), Number(total) - (leased.get(node) ?? 0)))]]),
    ]),
  );
};
