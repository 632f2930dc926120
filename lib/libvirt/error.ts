import { Kvm4nfvError, type ErrorCode } from '../error.js';
import { errorCode } from './error-codes.js';
import { faultyLine, type XmlLine } from './xml/faulty-line.js';

export interface LibvirtErrorContext {
  /** What was being done, such as `create domain vm1`. */
  readonly action: string;
  readonly uri: string;
  /** Name of the host that libvirt was asked from. */
  readonly host: string;
  /** The document that was handed to libvirt. */
  readonly xml?: string;
  readonly cause?: unknown;
}

const unreachable = new Set(['VIR_ERR_RPC', 'VIR_ERR_SSH', 'VIR_ERR_LIBSSH']);
const hints: Readonly<Record<string, string>> = {
  VIR_ERR_NO_DOMAIN: 'list what there is with: virsh list --all',
  VIR_ERR_AUTH_FAILED: 'run as root, or add the user to the group libvirt',
  VIR_ERR_AUTH_UNAVAILABLE: 'run as root, or add the user to the group libvirt',
  VIR_ERR_AGENT_UNRESPONSIVE: 'check that qemu-guest-agent runs in the guest',
  VIR_ERR_NO_SUPPORT: 'this hypervisor driver cannot do it: use another URI',
};

const clues: readonly (readonly [said: RegExp, hint: string])[] = [
  [
    /^Failed to connect socket.*: (?:Permission denied|Operation not permitted)/s,
    'run as root, or add the user to the group libvirt',
  ],
  [
    /^Failed to connect socket/,
    'start libvirtd there (or virtqemud.socket, where daemons are modular), or give the right URI',
  ],
  [
    /cannot limit locked memory/,
    'libvirtd lacks CAP_SYS_RESOURCE there: give it that, or lock no memory (in a suite: profile: default)',
  ],
  [
    /unable to map backing store for guest RAM|Cannot allocate memory/,
    'set more hugepages or memory free on that NUMA node',
  ],
  [/Could not set up host forwarding rule/, 'that port of the host is taken: choose another'],
];

/** Any trouble with libvirt: its own words and number, and the line of the XML that it complains of. */
export class LibvirtError extends Kvm4nfvError {
  /** libvirt's own text, untouched. */
  readonly text: string;
  /** virErrorNumber, where the text tells it. */
  readonly number: number | undefined;
  /** Its name, such as `VIR_ERR_NO_DOMAIN`. */
  readonly codeName: string | undefined;
  readonly line: XmlLine | undefined;

  constructor(text: string, context: LibvirtErrorContext) {
    const known = errorCode(text);
    const line = context.xml === undefined ? undefined : faultyLine(text, context.xml);
    const number = known === undefined ? '' : ` (${known.name}, ${String(known.code)})`;
    const at = line === undefined ? '' : `\n  line ${String(line.number)} of the XML: ${line.text.trim()}`;
    const hint = hintFor(text, known?.name);
    super(codeFor(text, known?.name), `${context.host}: ${context.uri}: ${context.action}: ${text}${number}${at}`, {
      ...(hint === undefined ? {} : { hint }),
      ...(context.cause === undefined ? {} : { cause: context.cause }),
    });
    this.text = text;
    this.number = known?.code;
    this.codeName = known?.name;
    this.line = line;
  }
}

/** The connection to libvirtd is gone or could not be made: trying again may help. */
export const isDisconnected = (error: unknown): boolean =>
  error instanceof LibvirtError &&
  (error.fault === 'unreachable' || /End of file while reading|Cannot (?:recv|write) data/.test(error.text));

export const isNoDomain = (error: unknown): boolean =>
  error instanceof LibvirtError && error.codeName === 'VIR_ERR_NO_DOMAIN';

const codeFor = (text: string, name: string | undefined): ErrorCode => {
  if (/^Failed to connect socket.*: (?:No such file|Connection refused)/s.test(text)) return 'E_NO_LIBVIRT';
  return name !== undefined && unreachable.has(name) ? 'E_LIBVIRT_UNREACHABLE' : 'E_LIBVIRT';
};

const hintFor = (text: string, name: string | undefined): string | undefined => {
  const clue = clues.find(([said]) => said.test(text));
  if (clue !== undefined) return clue[1];
  return name === undefined ? undefined : hints[name];
};
