import { Kvm4nfvError, messageOf } from '../error.js';
import { formatCpuList, resolveCpus } from '../host/cpu-list.js';
import type { HostFacts } from '../host/facts.js';
import type { Host } from '../host/host.js';
import { allowedScript, notAllowed } from './allowed-cpus.js';
import type { Need } from './scenario.js';

type ToolNeed = Extract<Need, { kind: 'tool' }>;
type CpusNeed = Extract<Need, { kind: 'cpus' }>;

// One round trip for all needs. `--help` of some tools goes to stderr and exits 1: only what it says counts.
const probe = `
${allowedScript}
for word; do
  kind=\${word%%:*} name=\${word#*:}
  case $kind in
  tool) path=$(PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v -- "$name") && printf '%s\\t%s\\n' "$word" "$path" ;;
  file) if said=$(LC_ALL=C ls -dL -- "$name" 2>&1); then printf '%s\\tyes\\n' "$word"
    else case $said in *'No such file or directory' | *'Not a directory') ;; *) printf 'un%s\\t%s\\n' "$word" "\${said##*: }" ;; esac; fi ;;
  cpus) printf '%s\\t%s\\n' "$word" "$(allowed "$name")" ;;
  help) printf '%s\\t%s\\n' "$word" "$(PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin $name --help </dev/null 2>&1 | tr '\\n\\t' '  ')" ;;
  esac
done
echo asked
`;

const helpWord = ({ name, command = [] }: ToolNeed): string => `help:${[name, ...command].join(' ')}`;
const cpusWord = (need: CpusNeed, { topology }: HostFacts): string =>
  `cpus:${formatCpuList(resolveCpus(need.cpus, topology))}`;

const words = (needs: readonly Need[], facts: HostFacts): string[] =>
  needs.flatMap((need) => {
    switch (need.kind) {
      case 'file':
        return [`file:${need.path}`];
      case 'cpus':
        return [cpusWord(need, facts)];
      case 'tool':
        return [`tool:${need.name}`, ...(need.options === undefined ? [] : [helpWord(need)])];
      case 'root':
        return [];
    }
  });

const answers = async (
  host: Host,
  asked: readonly string[],
  options: { readonly signal: AbortSignal; readonly root?: boolean },
): Promise<ReadonlyMap<string, string>> => {
  if (asked.length === 0) return new Map();
  const argv = ['sh', '-c', probe, 'sh', ...asked];
  const { exitCode, stdout, stderr } = await host.exec(argv, { ...options, timeout: 30_000, check: false });
  if (!/^asked$/m.test(stdout))
    throw new Kvm4nfvError(
      'E_NEEDS',
      `${host.name} could not be asked what it has: ${stderr.trim() || `the shell ended with ${String(exitCode)}`}`,
      { hint: 'see why that command does not run there' },
    );
  return new Map(
    stdout
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line): [string, string] => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]),
  );
};

const ask = async (
  { host, facts }: { readonly host: Host; readonly facts: HostFacts },
  needs: readonly Need[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> => {
  const found = await answers(host, [...new Set(words(needs, facts))], { signal });
  if (facts.user.sudo !== true) return found;
  // What the user may not see, such as tracefs, is looked for as who will use it.
  const hidden = [...found.keys()].flatMap((word) => (word.startsWith('unfile:') ? [word.slice(2)] : []));
  const seen = await answers(host, hidden, { signal, root: true });
  return new Map([...[...found].filter(([word]) => !word.startsWith('unfile:')), ...seen]);
};

/** The command that installs packages. */
export const installArgv = (packages: readonly string[]): readonly string[] => [
  'apt-get',
  'install',
  '-y',
  '-q',
  '--no-install-recommends',
  ...packages,
];

const install = async (host: Host, packages: readonly string[], signal: AbortSignal): Promise<void> => {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = { root: true, signal, timeout: 600_000, env } as const;
  const apt = installArgv(packages);
  try {
    if ((await host.exec(apt, { ...options, check: false })).exitCode === 0) return;
    await host.exec(['apt-get', 'update', '-q'], options);
    await host.exec(apt, options);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Kvm4nfvError('E_PROVISION', `${host.name}: can't install ${packages.join(', ')}: ${messageOf(error)}`, {
      cause: error,
    });
  }
};

const missingTools = (needs: readonly Need[], found: ReadonlyMap<string, string>): ToolNeed[] =>
  needs.filter((need): need is ToolNeed => need.kind === 'tool' && !found.has(`tool:${need.name}`));

/** What loader, shell and kernel say of a program that is there and can't be run. */
const notStarted =
  /error while loading shared libraries|version `\S+' not found|[Ee]xec format error|: Permission denied/;

const unmet = (need: Need, found: ReadonlyMap<string, string>, facts: HostFacts): string | undefined => {
  if (need.kind === 'root')
    return facts.user.root || facts.user.sudo === true
      ? undefined
      : `needs root, and user ${facts.user.name ?? 'unknown'} is not root and may not run sudo without a password`;
  if (need.kind === 'file') {
    const said = found.get(`unfile:${need.path}`);
    if (said !== undefined) return `does not show whether it has ${need.path} (${said}): ${need.why}`;
    return found.has(`file:${need.path}`) ? undefined : `has no ${need.path}: ${need.why}`;
  }
  if (need.kind === 'cpus') {
    const problem = notAllowed(found.get(cpusWord(need, facts)) ?? '', resolveCpus(need.cpus, facts.topology));
    return problem === undefined ? undefined : `${problem} (option ${need.option})`;
  }
  if (!found.has(`tool:${need.name}`)) return `lacks the tool ${need.name} (Debian package ${need.package})`;
  const said = found.get(helpWord(need)) ?? '';
  const help = new Set(said.split(/[\s,=[\]|/:]+/));
  const lacking = (need.options ?? []).filter((option) => !help.has(option));
  if (lacking.length === 0) return undefined;
  return notStarted.test(said)
    ? `has a ${need.name} that does not start: ${said.trim()}`
    : `has a ${need.name} without ${lacking.join(', ')}: a newer ${need.package} is needed`;
};

interface Meeting {
  /** Packages of missing tools may be installed. */
  readonly provision: boolean;
  /** Told of packages as soon as they are there: they stay, whatever comes. */
  readonly installed: (packages: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Checks that the machine has what a scenario needs, before anything is measured; what is missing is an
 * `environment` error that names the package.
 */
export const meetNeeds = async (
  host: Host,
  facts: HostFacts,
  needs: readonly Need[],
  { provision, installed, signal }: Meeting,
): Promise<void> => {
  let found = await ask({ host, facts }, needs, signal);
  const packages = [...new Set(missingTools(needs, found).map((need) => need.package))];
  if (provision && packages.length > 0) {
    await install(host, packages, signal);
    await installed(packages);
    found = await ask({ host, facts }, needs, signal);
  }
  const problems = needs.map((need) => unmet(need, found, facts)).filter((problem) => problem !== undefined);
  if (problems.length === 0) return;
  throw new Kvm4nfvError('E_NEEDS', `${host.name} ${problems.join('; ')}`, {
    hint:
      packages.length > 0 && !provision
        ? `install ${packages.join(' ')} there, or set 'provision: true' on its context`
        : 'mend it there, or choose other options',
  });
};
