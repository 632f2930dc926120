import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { lives, thisController } from '../../tuning/controller.js';

const ownerSchema = z.object({
  run: z.string(),
  context: z.string(),
  controller: z.object({ host: z.string(), pid: z.number(), machine: z.string(), boot: z.string(), namespace: z.string(), started: z.string() }),
});
export type ResourceOwner = z.output<typeof ownerSchema>;

/** On a file system in memory: what a reboot ends needs no lease after it. */
const directory = '/run/lock/kvm4nfv';

// All or none: what was taken is given back when one is not free. `ln` is atomic, and the file it links is complete.
const takeScript = `
directory=$1; shift
mkdir -p "$directory" 2>/dev/null; chmod 1777 "$directory" 2>/dev/null
mine="$directory/.$$"; cat >"$mine" || exit 1
taken=
for name; do
  if ln "$mine" "$directory/$name" 2>/dev/null; then taken="$taken $name"; else
    printf '%s\\n' "$name"; cat "$directory/$name"
    for back in $taken; do rm -f "$directory/$back"; done
    rm -f "$mine"; exit 3
  fi
done
rm -f "$mine"
`;

const dropScript = `
directory=$1; run=$2; context=$3
for lease in "$directory"/*; do
  [ -f "$lease" ] || continue
  grep -qF "\\"run\\":\\"$run\\"" "$lease" || continue
  [ -z "$context" ] || grep -qF "\\"context\\":\\"$context\\"" "$lease" || continue
  rm -f "$lease" && printf '%s\\n' "\${lease##*/}"
done
rmdir "$directory" 2>/dev/null
exit 0
`;

export type Taking = { readonly taken: true } | { readonly taken: false; readonly name: string; readonly owner: ResourceOwner | undefined };

/** Takes all of some resources of a host (`cpu-3`, `port-22001`) for a context of a run, or none of them. */
export const tryTake = async (host: Host, owner: Omit<ResourceOwner, 'controller'>, names: readonly string[]): Promise<Taking> => {
  const lease: ResourceOwner = { ...owner, controller: await thisController() };
  const { exitCode, stdout, stderr } = await host.exec(['sh', '-c', takeScript, 'sh', directory, ...names], { stdin: JSON.stringify(lease), check: false });
  if (exitCode === 0) return { taken: true };
  if (exitCode !== 3) throw new Kvm4nfvError('environment', `${host.name}: can't write leases to ${directory}: ${stderr.trim()}`);
  const [name = '', ...text] = stdout.split('\n');
  try {
    return { taken: false, name, owner: ownerSchema.parse(JSON.parse(text.join('\n'))) };
  } catch {
    return { taken: false, name, owner: undefined };
  }
};

/** Like {@link tryTake}; what is not free is an `environment` error that says who has it. */
export const take = async (host: Host, owner: Omit<ResourceOwner, 'controller'>, names: readonly string[]): Promise<void> => {
  if (names.length === 0) return;
  const taking = await tryTake(host, owner, names);
  if (taking.taken) return;
  const { name, owner: other } = taking;
  if (other === undefined) throw new Kvm4nfvError('environment', `${host.name}: ${name} is taken by ${directory}/${name}, which is no lease of ours`);
  const alive = await lives(other.controller);
  throw new Kvm4nfvError('environment', `${host.name}: ${name} belongs to context ${other.context} of run ${other.run}${alive === false ? ', whose controller is gone' : ''}`, {
    hint: alive === false ? `kvm4nfv cleanup --run ${other.run}` : 'wait for it, or choose other CPUs',
  });
};

/** Gives back what a context of a run has, or all that the run has; says what. */
export const giveBack = async (host: Host, run: string, context = ''): Promise<readonly string[]> => {
  const { stdout } = await host.exec(['sh', '-c', dropScript, 'sh', directory, run, context]);
  return stdout.split('\n').filter((name) => name !== '');
};

const firstPort = 42_000;
const ports = 8000;

/** A TCP port of the host's loopback that nothing listens on, taken for the context. */
export const takePort = async (host: Host, owner: Omit<ResourceOwner, 'controller'>): Promise<number> => {
  const { stdout } = await host.exec(['cat', '/proc/net/tcp']);
  const listening = new Set([...stdout.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4})/gm)].map(([, port = '']) => Number.parseInt(port, 16)));
  for (let tries = 0; tries < 50; tries += 1) {
    const port = firstPort + Math.floor(Math.random() * ports);
    if (!listening.has(port) && (await tryTake(host, owner, [`port-${String(port)}`])).taken) return port;
  }
  throw new Kvm4nfvError('environment', `${host.name}: no free port from ${String(firstPort)} to ${String(firstPort + ports - 1)}`);
};
