/** Something to be read of a host. Globs are for kernel files; `text` is the exact content of a file on disk. */
export type Request =
  | { readonly kind: 'files'; readonly glob: string }
  | { readonly kind: 'names'; readonly glob: string }
  | { readonly kind: 'text'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

export const files = (...globs: readonly string[]): Request[] => globs.map((glob) => ({ kind: 'files', glob }));
export const names = (glob: string): Request => ({ kind: 'names', glob });
export const text = (path: string): Request => ({ kind: 'text', path });
export const link = (path: string): Request => ({ kind: 'link', path });
export const command = (...argv: readonly string[]): Request => ({ kind: 'command', argv });

/** The same request asked twice is read once. */
export const keyOf = (request: Request): string => {
  switch (request.kind) {
    case 'files':
    case 'names':
      return `${request.kind} ${request.glob}`;
    case 'text':
    case 'link':
      return `${request.kind} ${request.path}`;
    case 'command':
      return `command ${request.argv.join('\0')}`;
  }
};

export interface CommandOutput {
  readonly exitCode: number;
  readonly stdout: string;
}

/** What a host showed at one moment. What was not asked for, or is not there, is absent. */
export interface Snapshot {
  readonly files: ReadonlyMap<string, string>;
  readonly names: ReadonlySet<string>;
  readonly texts: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
  /** By {@link keyOf}. */
  readonly commands: ReadonlyMap<string, CommandOutput>;
}

/** Files whose path matches; the groups of the pattern come with them, in the order of the snapshot. */
export const matching = (now: Snapshot, pattern: RegExp): { path: string; text: string; groups: string[] }[] => {
  const found = [];
  for (const [path, content] of now.files) {
    const match = pattern.exec(path);
    if (match !== null) found.push({ path, text: content, groups: match.slice(1) });
  }
  return found;
};

export const outputOf = (now: Snapshot, ...argv: readonly string[]): CommandOutput | undefined =>
  now.commands.get(keyOf({ kind: 'command', argv }));

/** First line of a kernel file, trimmed. */
export const line = (now: Snapshot, path: string): string | undefined => now.files.get(path)?.split('\n')[0]?.trim();
