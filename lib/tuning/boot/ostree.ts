import { diffCmdline, mergeCmdline, splitCmdline } from '../cmdline.js';
import { command, outputOf, type Request, type Snapshot } from '../reading.js';
import { unproven } from './prove.js';
import { no, prove, type Bootloader, type NoBootloader } from './step.js';

const kargs = ['rpm-ostree', 'kargs'] as const;

export const ostreeRequests: readonly Request[] = [command(...kargs)];

const shown = (now: Snapshot): string | undefined => {
  const output = outputOf(now, ...kargs);
  return output?.exitCode === 0 && output.stdout.trim() !== '' ? splitCmdline(output.stdout).join(' ') : undefined;
};

/** From one line to another, in one transaction: a new deployment, which the next boot takes. */
const transaction = (from: string, to: string): readonly string[] => {
  const { removed, added } = diffCmdline(from, to);
  return [
    ...kargs,
    ...removed.flatMap(splitCmdline).map((parameter) => `--delete=${parameter}`),
    ...added.flatMap(splitCmdline).map((parameter) => `--append=${parameter}`),
  ];
};

/** Fedora CoreOS and its like: entries belong to deployments, so that only their own tool may write them. */
export const ostreeOf = (now: Snapshot): Bootloader | NoBootloader => {
  const before = shown(now);
  if (before === undefined)
    return no(
      'it is booted from an ostree deployment, and `rpm-ostree kargs` does not answer',
      'Set the parameters with what manages the deployments (an image-mode machine: /usr/lib/bootc/kargs.d).',
    );
  return {
    name: 'ostree',
    configured: before,
    set: (wanted) => {
      const after = mergeCmdline(before, wanted);
      if (after === before) return undefined;
      const argv = transaction(before, after);
      return {
        changes: [
          {
            change: {
              kind: 'action',
              place: { kind: 'command', argv: kargs },
              aspect: 'words',
              before,
              after,
              argv,
              undo: transaction(after, before),
              persists: true,
            },
            action: { kind: 'run', argv },
          },
        ],
        requests: ostreeRequests,
        then: (then) => {
          prove(unproven(before, shown(then) ?? '', wanted), 'What was changed is put back.');
          return undefined;
        },
      };
    },
  };
};
