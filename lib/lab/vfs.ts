import { Kvm4nfvError } from '../error.js';
import { CommandError, type Host } from '../host/host.js';

const createScript = `for file in /sys/bus/pci/devices/*/sriov_numvfs; do
  [ -e "$file" ] || continue
  [ "$(cat "$file")" != 0 ] || printf '%s' "$1" >"$file" || exit
done
udevadm settle --timeout=60`;

/** Gives each port `count` VFs, unless it has some already. */
export const createVfs = async (guest: Host, count: number, signal?: AbortSignal): Promise<void> => {
  try {
    const argv = ['sh', '-c', createScript, 'create', String(count)];
    await guest.exec(argv, { timeout: 120_000, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Kvm4nfvError('E_LAB_START', `${guest.name}: its VFs were not made: ${error.message}`, { cause: error });
  }
};

const findScript = `for file in /sys/bus/pci/devices/*/sriov_numvfs; do
  [ -e "$file" ] && [ "$(cat "$file")" != 0 ] || continue
  device=\${file%/*}
  printf '%s\\n' "\${device##*/}"
done`;

/** PCI addresses of the ports that have VFs. */
export const portsWithVfs = async (guest: Host, signal?: AbortSignal): Promise<readonly string[]> => {
  const options = { timeout: 60_000, ...(signal === undefined ? {} : { signal }) };
  const { stdout } = await guest.exec(['sh', '-c', findScript, 'find'], options);
  return stdout.split('\n').filter((line) => line !== '');
};
