// Makes a machine that has only Node and npm ready for one purpose: `node scripts/setup.mjs quickstart|test|bench`.
// Plain JavaScript without dependencies, because it is what installs them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { purposes } from './debian-packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const environmentFault = 3;

/** @type {(message: string, exitCode?: number) => never} */
const giveUp = (message, exitCode = environmentFault) => {
  console.error(`setup: ${message}`);
  process.exit(exitCode);
};

const checkNode = () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const least = engines.node.replace('>=', '').split('.').map(Number);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < least[0] || (major === least[0] && minor < least[1]))
    giveUp(`Node ${engines.node} is needed, this is ${process.versions.node}`);
};

/** Whether node_modules holds what package-lock.json says; file times say nothing after a checkout. */
const modulesAreCurrent = () => {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || (found[path] === undefined ? entry.optional : found[path].version === entry.version),
  );
};

const installModules = () => {
  if (modulesAreCurrent()) return;
  console.log('setup: npm ci');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) giveUp('npm ci failed: see above');
};

/** Daemons are often outside a user's PATH. */
const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** @type {(file: string) => boolean} */
const isExecutable = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** @type {(probe: string) => boolean} */
const isThere = (probe) =>
  probe.startsWith('/') ? existsSync(probe) : directories.some((directory) => isExecutable(join(directory, probe)));

/** @type {(command: string, ...argv: string[]) => boolean} */
const succeeds = (command, ...argv) => spawnSync(command, argv, { stdio: 'ignore' }).status === 0;

/** @type {(missing: readonly import('./debian-packages.mjs').DebianPackage[]) => void} */
const installPackages = (missing) => {
  const needed = missing.filter((entry) => !entry.optional).map((entry) => entry.name);
  const welcome = missing.filter((entry) => entry.optional).map((entry) => entry.name);
  const byHand = `install ${needed.join(' ')} by hand, then run this again`;
  if (!isThere('apt-get')) {
    if (needed.length === 0) return;
    giveUp(
      `this is no Debian: ${byHand} (the names are Debian's; what is looked for: ${missing.map((entry) => entry.probe).join(' ')})`,
    );
  }
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && !succeeds('sudo', '-n', 'true')) {
    if (needed.length === 0) return;
    giveUp(`not root, and sudo asks for a password: as root, apt-get install ${needed.join(' ')}`);
  }
  console.log(`setup: installing the Debian packages ${[...needed, ...welcome].join(' ')} (no service is started)`);
  const script = join(root, 'scripts', 'apt-install.sh');
  const [command = 'bash', ...argv] = [...asRoot, 'bash', script, ...needed, '--', ...welcome];
  const { status } = spawnSync(command, argv, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0 && needed.length > 0) giveUp(`the packages could not be installed: ${byHand}`);
  const still = missing.filter((entry) => !entry.optional && !isThere(entry.probe));
  if (still.length > 0) giveUp(`installed, and yet not found: ${still.map((entry) => entry.probe).join(' ')}`);
};

/** The libvirt binding, an optional peer, apart from the modules of the lock file. Tests of it are skipped where it can't be built. */
const installBinding = () => {
  const directory = join(root, 'node_modules', '.cache', 'kvm4nfv', 'binding');
  const name = '@unraid/libvirt';
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = `${name}@${peerDependencies[name]}`;
  const stamp = join(directory, 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log(`setup: building ${wanted}`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', wanted], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 300_000,
  });
  if (status === 0) writeFileSync(stamp, wanted);
  else console.error(`setup: ${wanted} can't be built here: its tests will be skipped`);
};

const purpose = process.argv[2] ?? '';
const packages = Object.hasOwn(purposes, purpose) ? purposes[purpose] : undefined;
if (packages === undefined) giveUp(`expected one of ${Object.keys(purposes).join(', ')}, not '${purpose}'`, 2);
checkNode();
installModules();
const missing = packages.filter((entry) => !isThere(entry.probe));
if (missing.length > 0) installPackages(missing);
if (purpose === 'test') installBinding();
