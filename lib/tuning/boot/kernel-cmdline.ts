import { command, names, outputOf, text, type Request, type Snapshot } from '../reading.js';
import { mergeCmdline, splitCmdline } from '../cmdline.js';
import { unproven } from './prove.js';
import { no, prove, type Bootloader, type NoBootloader } from './step.js';

const kernelCmdline = '/etc/kernel/cmdline';
const partitions = '/etc/kernel/proxmox-boot-uuids';
const tool = '/usr/sbin/proxmox-boot-tool';

/** Options of the entries on each EFI partition, which are mounted only while their tool writes them. Argument: the list of their UUIDs. */
const optionsScript = `
place=$(mktemp -d /run/kvm4nfv-esp.XXXXXX) || exit
trap 'umount "$place" 2>/dev/null; rmdir "$place"' EXIT
while read -r uuid rest; do
  [ -n "$uuid" ] || continue
  mount -o ro "/dev/disk/by-uuid/$uuid" "$place" || exit
  cat "$place"/loader/entries/*.conf || exit
  umount "$place" || exit
done < "$1"
`;
const optionsArgv = ['sh', '-c', optionsScript, 'sh', partitions] as const;

export const kernelCmdlineRequests: readonly Request[] = [text(kernelCmdline), text(partitions), names(tool)];

/** Proxmox with systemd-boot: one file has the parameters, and a tool writes them to every EFI partition. */
export const isProxmox = (now: Snapshot): boolean => now.texts.has(partitions);

export const proxmoxOf = (now: Snapshot): Bootloader | NoBootloader => {
  const before = now.texts.get(kernelCmdline);
  if (before === undefined)
    return no(
      `${kernelCmdline} is not there`,
      'Write it (see proxmox-boot-tool(8)), with at least the root= of this machine.',
    );
  if (!now.names.has(tool))
    return no(`${tool} is not there, which writes the entries`, 'Install proxmox-kernel-helper.');
  const refresh = [tool, 'refresh'] as const;
  // Only its first line is read.
  const [line = '', ...rest] = before.split('\n');
  return {
    name: 'proxmox-boot-tool',
    configured: splitCmdline(line).join(' '),
    set: (wanted) => {
      const merged = mergeCmdline(line, wanted);
      if (merged === splitCmdline(line).join(' ')) return undefined;
      const after = [merged, ...rest].join('\n');
      return {
        changes: [
          { change: { kind: 'after-undo', argv: refresh } },
          {
            change: { kind: 'file', path: kernelCmdline, before, after },
            action: { kind: 'install', path: kernelCmdline, text: after },
          },
          { action: { kind: 'run', argv: refresh } },
        ],
        requests: [command(...optionsArgv)],
        then: (shown) => {
          const output = outputOf(shown, ...optionsArgv);
          const entries = [...(output?.stdout ?? '').matchAll(/^options[ \t]+(.*)$/gm)].map(
            ([, options = '']) => options,
          );
          prove(
            output?.exitCode === 0 && entries.length > 0
              ? entries.flatMap((options) => unproven(line, options, wanted))
              : [`what was written to the EFI partitions of ${partitions} can't be read back`],
            'What was changed is put back.',
          );
          return undefined;
        },
      };
    },
  };
};
