/** One of libvirt's error numbers, as in its virErrorNumber. */
export interface ErrorCode {
  readonly code: number;
  readonly name: string;
}

/**
 * libvirt's own numbers by the beginning of the message. Neither virsh nor the binding hands the number out, but libvirt
 * begins the messages of a number with a fixed text, in English under LC_ALL=C (sources: virterror.h and virterror.c).
 */
const table: readonly (readonly [code: number, name: string, ...begins: readonly string[]])[] = [
  [1, 'VIR_ERR_INTERNAL_ERROR', 'internal error'],
  [2, 'VIR_ERR_NO_MEMORY', 'out of memory'],
  [3, 'VIR_ERR_NO_SUPPORT', 'this function is not supported by the connection driver'],
  [5, 'VIR_ERR_NO_CONNECT', 'no connection driver available'],
  [8, 'VIR_ERR_INVALID_ARG', 'invalid argument'],
  [9, 'VIR_ERR_OPERATION_FAILED', 'operation failed'],
  [27, 'VIR_ERR_XML_ERROR', 'XML error'],
  [29, 'VIR_ERR_OPERATION_DENIED', 'operation forbidden'],
  [
    38,
    'VIR_ERR_SYSTEM_ERROR',
    'Failed to connect socket',
    'Cannot recv data',
    'Cannot write data',
    'End of file while reading data',
    'Unable to open file',
  ],
  [39, 'VIR_ERR_RPC', 'client socket is closed'],
  [42, 'VIR_ERR_NO_DOMAIN', 'Domain not found', "failed to get domain '"],
  [43, 'VIR_ERR_NO_NETWORK', 'Network not found', "failed to get network '"],
  [44, 'VIR_ERR_INVALID_MAC', 'invalid MAC address'],
  [45, 'VIR_ERR_AUTH_FAILED', 'authentication failed'],
  [53, 'VIR_ERR_NO_NODE_DEVICE', 'Node device not found', 'Could not find matching device'],
  [55, 'VIR_ERR_OPERATION_INVALID', 'Requested operation is not valid'],
  [67, 'VIR_ERR_CONFIG_UNSUPPORTED', 'unsupported configuration'],
  [68, 'VIR_ERR_OPERATION_TIMEOUT', 'Timed out during operation'],
  [69, 'VIR_ERR_MIGRATE_PERSIST_FAILED', 'Failed to make domain persistent after migration'],
  [70, 'VIR_ERR_HOOK_SCRIPT_FAILED', 'Hook script execution failed'],
  [74, 'VIR_ERR_ARGUMENT_UNSUPPORTED', 'argument unsupported'],
  [78, 'VIR_ERR_OPERATION_ABORTED', 'operation aborted'],
  [79, 'VIR_ERR_AUTH_CANCELLED', 'authentication cancelled'],
  [80, 'VIR_ERR_NO_DOMAIN_METADATA', 'metadata not found'],
  [81, 'VIR_ERR_MIGRATE_UNSAFE', 'Unsafe migration'],
  [82, 'VIR_ERR_OVERFLOW', 'numerical overflow'],
  [84, 'VIR_ERR_OPERATION_UNSUPPORTED', 'Operation not supported'],
  [85, 'VIR_ERR_SSH', 'SSH transport error'],
  [86, 'VIR_ERR_AGENT_UNRESPONSIVE', 'Guest agent is not responding'],
  [87, 'VIR_ERR_RESOURCE_BUSY', 'resource busy'],
  [88, 'VIR_ERR_ACCESS_DENIED', 'access denied'],
  [91, 'VIR_ERR_CPU_INCOMPATIBLE', 'the CPU is incompatible with host CPU'],
  [92, 'VIR_ERR_XML_INVALID_SCHEMA', 'XML document failed to validate against schema'],
  [94, 'VIR_ERR_AUTH_UNAVAILABLE', 'authentication unavailable'],
  [97, 'VIR_ERR_AGENT_UNSYNCED', 'guest agent replied with wrong id to guest-sync command'],
  [98, 'VIR_ERR_LIBSSH', 'libssh transport error'],
  [110, 'VIR_ERR_MULTIPLE_DOMAINS', 'multiple matching domains found'],
];

// The XML parser's own messages name the document and the line: (domain_definition):3: ...
const malformed = /^\([a-z_]+\):\d+: /;
// Both numbers can stand behind a closed socket; libvirt words it in either way.
const closed = /^(?:internal error: )?client socket is closed/;

/** The number that a message of libvirt belongs to; undefined where its beginning does not tell. */
export const errorCode = (message: string): ErrorCode | undefined => {
  if (malformed.test(message)) return { code: 35, name: 'VIR_ERR_XML_DETAIL' };
  if (closed.test(message)) return { code: 39, name: 'VIR_ERR_RPC' };
  const found = table.find(([, , ...begins]) => begins.some((text) => message.startsWith(text)));
  return found === undefined ? undefined : { code: found[0], name: found[1] };
};
