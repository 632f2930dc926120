import { Kvm4nfvError } from '../../error.js';
import type { ExecResult, Host } from '../../host/host.js';
import { LibvirtError } from '../error.js';
import type { CallOptions } from '../types.js';

/** Handed to virsh through a pipe: it opens /dev/stdin by name, which fails for the sockets that hosts give a command. */
const piped = 'cat | exec "$@"';
const usual = 60_000;
/** Milliseconds. Starting a guest may first make libvirt probe QEMU, which takes 10 to 20 s on a slow machine. */
export const starting = 300_000;

export interface Call extends CallOptions {
  /** What is being done, for errors: `create domain vm1`. */
  readonly action: string;
  readonly args: readonly string[];
  /** A document that the arguments name as `/dev/stdin`. */
  readonly xml?: string;
}

/** Runs virsh on a host, for one URI. */
export class VirshClient {
  readonly host: Host;
  readonly uri: string;
  readonly root: boolean;

  constructor(host: Host, uri: string, root: boolean) {
    this.host = host;
    this.uri = uri;
    this.root = root;
  }

  argv(args: readonly string[]): readonly string[] {
    return ['env', 'LC_ALL=C', 'virsh', '--quiet', '--connect', this.uri, ...args];
  }

  /** Standard output. Throws {@link LibvirtError}. */
  async run(call: Call): Promise<string> {
    const result = await this.exec(call);
    if (result.exitCode !== 0) throw this.error(call, result);
    return result.stdout;
  }

  /** Many commands in one process; gives the output of each. One that fails gives undefined where `missing` allows its error. */
  async batch(
    call: Omit<Call, 'args'>,
    commands: readonly string[],
    missing: (text: string) => boolean,
  ): Promise<readonly (string | undefined)[]> {
    if (commands.length === 0) return [];
    const line = commands.map((command) => `${command}; echo ${marker}`).join('; ');
    const result = await this.exec({ ...call, args: [line] });
    const outputs = result.stdout.split(marker);
    const failed = virshErrors(result.stderr).find((text) => !missing(text));
    if (failed !== undefined || outputs.length !== commands.length + 1) throw this.error(call, result, failed);
    return outputs.slice(0, -1).map((output) => (output.trim() === '' ? undefined : output));
  }

  error(call: Omit<Call, 'args'>, result: ExecResult, text?: string): Kvm4nfvError {
    if (result.exitCode === 127)
      return new Kvm4nfvError('E_NO_LIBVIRT', `${this.host.name}: no virsh there`, { hint: 'install libvirt-clients' });
    const said =
      text ??
      virshErrors(result.stderr).at(-1) ??
      (result.stderr.trim() || `virsh ended with ${String(result.exitCode ?? result.signal)}`);
    return new LibvirtError(said, {
      action: call.action,
      uri: this.uri,
      host: this.host.name,
      ...(call.xml === undefined ? {} : { xml: call.xml }),
    });
  }

  private exec({ args, xml, timeout = usual, signal }: Call): Promise<ExecResult> {
    const argv = this.argv(args);
    return this.host.exec(xml === undefined ? argv : ['sh', '-c', piped, 'sh', ...argv], {
      ...(xml === undefined ? {} : { stdin: xml }),
      ...(signal === undefined ? {} : { signal }),
      timeout,
      root: this.root,
      check: false,
      maxOutput: 64 * 2 ** 20,
    });
  }
}

/** Parts the outputs of commands that one virsh runs (its `echo` ends no line when quiet); no document has such a text. */
export const marker = 'kvm4nfv.next.output';

/** The errors in virsh's standard error, its own words first and libvirt's after them; what follows a line belongs to it. */
export const virshErrors = (stderr: string): readonly string[] =>
  stderr
    .split(/^error: /m)
    .slice(1)
    .map((text) => text.trim())
    .filter((text) => text !== '');

/** One argument in a line of commands for virsh. */
export const virshQuote = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
