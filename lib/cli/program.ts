import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { Page } from './commands/docs.js';
import type { ImageAction, ImageOptions } from './commands/image.js';
import type { ListOptions } from './commands/list.js';
import type { LabAction, LabFlags } from './commands/lab.js';
import type { TuneAction, TuneOptions } from './commands/tune.js';
import { uses, type Use } from '../doctor/finding.js';
import { print, warn } from './output.js';
import { version } from '../version.js';
import type { SuiteSelection } from './suite.js';
import type { TuningFlags } from './tuning.js';

const hostArgument =
  'a host of the suite given with --suite, an emulated one such as lab:dut, an address or an ssh_config alias; default: this machine';

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

const shard = (text: string): { index: number; count: number } => {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || index > count)
    throw new InvalidArgumentError('Expected i/n, such as 1/4 for the first of four.');
  return { index, count };
};

const selection = (command: Command): Command =>
  command
    .argument('<suite.yaml>', 'the suite')
    .option('--only <glob>', 'only tests whose name matches; may be given several times', collect)
    .option('--tag <tag>', 'only tests with the tag; may be given several times', collect)
    .option('--shard <i/n>', 'only the i-th of n parts of the tests', shard)
    .option('--param <key=value>', 'value of a parameter of the suite; may be given several times', collect);

const exitCodes = `
Exit codes:
  0  pass (warnings and skipped tests included)
  1  an SLA failed, or a test gave no data
  2  the suite or the arguments are wrong
  3  the environment can't do it (missing tool, precondition)
  4  a host can't be reached
  5  a test ended in error (tool crashed, load died)
  6  teardown incomplete
  130  interrupted, after everything was put back`;

type Done = (code: number) => void;

const suiteCommands = (root: Command, done: Done): void => {
  selection(
    root
      .command('run')
      .summary('run a suite')
      .description('Run a suite: deploy, measure, judge, report, put everything back.'),
  )
    .option('-o, --output <dir>', 'where the directory of the run is made', 'results')
    .option('--json', 'print the result as JSON on stdout and nothing else', false)
    .option('--fail-fast', 'skip the tests after the first that failed', false)
    .addHelpText('after', `${exitCodes}\n\nExample:\n  kvm4nfv run suite.yaml --tag daily --param host=node1`)
    .action(async (file: string, options: SuiteSelection & { output: string; json: boolean; failFast: boolean }) => {
      done(await (await import('./commands/all.js')).run(file, options));
    });
  selection(
    root
      .command('validate')
      .summary('check a suite')
      .description(
        'Check a suite and everything in it, without touching any host. All mistakes are reported in one go, each with its place.',
      ),
  )
    .option('--json', 'as JSON: each mistake with its code and place', false)
    .action(async (file: string, options: SuiteSelection & { json: boolean }) => {
      done(await (await import('./commands/validate.js')).validate(file, options));
    });
  selection(
    root
      .command('plan')
      .summary('print what a run would do')
      .description('Print every step and every command that a run would execute. Touches nothing.'),
  )
    .option('--json', 'one JSON object a line for each test', false)
    .action(async (file: string, options: SuiteSelection & { json: boolean }) => {
      done(await (await import('./commands/all.js')).plan(file, options));
    });
};

const resultCommands = (root: Command, done: Done): void => {
  root
    .command('report')
    .summary('report on a run')
    .description(
      'Derive the result of a run anew from its events, of one that was killed too, and print it. Exits as the run did.',
    )
    .argument('<run>', 'directory of the run, such as results/<run-id>')
    .option('--json', 'print the result as JSON', false)
    .action(async (directory: string, options: { json: boolean }) => {
      done(await (await import('./commands/all.js')).report(directory, options));
    });
  root
    .command('cleanup')
    .summary('remove what killed runs left behind')
    .description(
      'End the processes and remove the files that runs which were killed left on their hosts. Runs that are still going on are left alone. Safe to repeat.',
    )
    .option('-o, --output <dir>', 'where the directories of the runs are', 'results')
    .option('--run <id>', 'only this run; may be given several times', collect)
    .action(async (options: { output: string; run?: readonly string[] }) => {
      done(await (await import('./commands/all.js')).cleanup(options));
    });
};

const knowledgeCommands = (root: Command, done: Done): void => {
  root
    .command('list')
    .summary('list scenarios, contexts, runners, knobs and profiles')
    .description(
      'List what a suite can name, all of one kind (scenario, context, runner, knob, profile, key), or the options of one.',
    )
    .argument('[type]', 'such as timer: show its options')
    .option('--plugin <module>', 'a plug-in whose definitions are listed too; may be given several times', collect)
    .option('--json', 'as JSON, options as JSON Schema', false)
    .option('--markdown', 'the documentation of all knobs, or of one', false)
    .action(async (type: string | undefined, options: ListOptions) => {
      done(await (await import('./commands/all.js')).list(type, options));
    });
  root
    .command('schema')
    .summary('print the JSON Schema of suites')
    .description('Print the JSON Schema of a suite, for editors, or of result.json.')
    .addOption(new Option('--of <what>', 'which schema').choices(['suite', 'result', 'events']).default('suite'))
    .option('--plugin <module>', 'a plug-in whose definitions are in it; may be given several times', collect)
    .action(async (options: { of: 'suite' | 'result' | 'events'; plugin?: readonly string[] }) => {
      done(await (await import('./commands/all.js')).schema(options));
    });
  root
    .command('docs')
    .summary('print a page of documentation')
    .description(
      'Print a page of the documentation as Markdown: the goals of KVM4NFV and how a machine is configured for them, or all knobs.',
    )
    .addArgument(new Argument('<page>', 'which page').choices(['goals', 'knobs']))
    .action(async (page: Page) => {
      done(await (await import('./commands/all.js')).docs(page));
    });
  root
    .command('doctor')
    .summary('tell what a host can and can not do')
    .description(
      "Tell what a host can and can not do for these tests, and why: worst first, by what each thing costs there, with how to mend it. Changes nothing; --smi may take the kernel's tracer for its time.",
    )
    .argument('[host]', hostArgument)
    .option('--suite <file>', 'suite that defines the host')
    .addOption(
      new Option('--for <use>', 'what the host is to do: threads that wake up (default), or that poll').choices([
        ...uses,
      ]),
    )
    .option('--profile <name>', 'compare with this profile; default: observe, or observe-dpdk with --for dpdk')
    .option('--isolated <cpus>', 'CPUs kept for real-time work, such as 2-5; default: those that the kernel isolates')
    .option(
      '--smi <duration>',
      'count SMIs for so long, or look for gaps with the hwlat tracer, which spins on each CPU in turn',
    )
    .option('--json', 'as JSON', false)
    .option('--markdown', 'as Markdown', false)
    .action(
      async (
        host: string | undefined,
        options: TuningFlags & { suite?: string; smi?: string; for?: Use; json: boolean; markdown: boolean },
      ) => {
        done(await (await import('./commands/all.js')).doctor(host, options));
      },
    );
};

const machineCommands = (root: Command, done: Done): void => {
  root
    .command('tune')
    .summary('tune a host, verify it, put it back')
    .description(
      'Show, plan, apply or verify a tuning of a host, or put back what was applied. What is changed is journalled on the host first; what others have changed since is named when it is put back, and left alone.',
    )
    .addArgument(new Argument('<action>').choices(['show', 'plan', 'apply', 'verify', 'restore']))
    .argument('[host]', hostArgument)
    .option('--suite <file>', 'suite that defines the host')
    .option(
      '--profile <name>',
      'none, observe, observe-dpdk, latency, isolated, realtime-host, realtime-guest, kvm4nfv or cpu-partitioning',
    )
    .option('--isolated <cpus>', 'CPUs kept for real-time work, such as 2-5')
    .option('--housekeeping <cpus>', 'CPUs for everything else; default: the rest')
    .option('--node <n>', 'NUMA node that memory is set up on')
    .option('--set <knob=value>', 'put over the profile; may be given several times', collect)
    .option('--reboot', 'reboot the host where a knob needs it', false)
    .option('--run <id>', 'run that applied it; default: a new one, or the one that is applied')
    .option('--json', 'as JSON', false)
    .addHelpText('after', '\nExample:\n  kvm4nfv tune plan node1 --profile realtime-host --isolated 2-5')
    .action(async (action: TuneAction, host: string | undefined, options: TuneOptions) => {
      done(await (await import('./commands/all.js')).tune(action, host, options));
    });
  root
    .command('image')
    .summary('build, list or remove guest images')
    .description(
      'Build a guest image from the Debian archives that the host itself uses, list those in its cache, or remove one. To build: debian-12, debian-12-generic, debian-12-rt, virtual-host (with its QEMU), or one of your own by kernel, tools and packages.',
    )
    .addArgument(new Argument('<action>').choices(['build', 'list', 'remove']))
    .argument('[name]', 'image to build, such as debian-12; or its name or digest, to remove it')
    .option('--kernel <kernel>', 'build: cloud (the default), amd64, rt, cloud-6.12 or rt-6.12')
    .option(
      '--tool <group>',
      'build: rt-tests, rtla, stress-ng, sockperf, iperf3, ethtool or dpdk-testpmd (virtual-host: dpdk, ovs); may be given several times',
      collect,
    )
    .option('--package <package>', 'build: one more Debian package; may be given several times', collect)
    .option('--host <host>', hostArgument)
    .option('--suite <file>', 'suite that defines the host')
    .option('--json', 'as JSON', false)
    .addHelpText('after', '\nExample:\n  kvm4nfv image build --kernel rt --tool rtla --tool sockperf --package tcpdump')
    .action(async (action: ImageAction, name: string | undefined, options: ImageOptions) => {
      done(await (await import('./commands/all.js')).image(action, name, options));
    });
};

const labCommand = (root: Command, done: Done): void => {
  root
    .command('lab')
    .summary('emulated hosts with KVM, IOMMU, SR-IOV, NUMA and SMT')
    .description(
      'Start an emulated host to play with (the first time builds QEMU, image and saved state: minutes), open a shell on it, list or end such hosts.',
    )
    .addArgument(new Argument('<action>').choices(['up', 'ssh', 'down', 'list']))
    .argument('[command...]', 'ssh: a command to run there, after --')
    .option('--name <name>', 'name of the emulated host', 'dut')
    .option(
      '--option <key=value>',
      'up: an option of the preset virtual-host, such as ports=4; may be given several times',
      collect,
    )
    .option('--json', 'as JSON', false)
    .addHelpText('after', '\nExample:\n  kvm4nfv lab up\n  kvm4nfv lab ssh -- lspci')
    .action(async (action: LabAction, command: readonly string[], flags: LabFlags) => {
      done(await (await import('./commands/lab.js')).lab(action, command, flags));
    });
};

/** The command line. Each command is imported when it runs: `--help` must not pay for them. */
export const program = (done: Done): Command => {
  const root = new Command('kvm4nfv')
    .description('Qualify Linux/KVM hosts and guests for NFV and real-time work.')
    .version(version, '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for help)')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: warn });
  suiteCommands(root, done);
  resultCommands(root, done);
  knowledgeCommands(root, done);
  machineCommands(root, done);
  labCommand(root, done);
  return root;
};
