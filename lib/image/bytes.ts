import type { Host } from '../host/host.js';

const script = `umask 077
rm -f -- "$1.new" && cat >"$1.new" && chmod 600 "$1.new" && mv -f -- "$1.new" "$1"`;

/** Writes a small binary file that only its owner can read; it is never there in part. */
export const writePrivate = async (host: Host, path: string, bytes: Uint8Array): Promise<void> => {
  await host.exec(['sh', '-c', script, 'write', path], { stdin: bytes });
};
