import { randomUUID } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import type { Host, Job } from '../host/host.js';
import { trustFunctions } from '../host/trust-script.js';

/** A libvirtd of a run's own, for a host where none runs. Disposing ends it; its guests must be gone by then. */
export interface PrivateDaemon extends AsyncDisposable {
  readonly uri: string;
}

// Its directories stand in a mount namespace where it expects the system's, so that these are not touched.
const inside = `${trustFunctions}
set -e
d=$(pwd)
mkdir -p run/libvirt etc/qemu/networks lib log
cache=$1; trust "$cache" 755
cat >etc/libvirtd.conf <<EOF
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "$2"
log_outputs = "3:file:$d/log/libvirtd.log"
EOF
cat >etc/qemu.conf <<EOF
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
stdio_handler = "file"
EOF
mount --make-rprivate /
# Not every machine has huge pages mounted, and libvirt takes those of a size from where it is.
huge=
for pool in /sys/kernel/mm/hugepages/hugepages-*kB; do
  size=\${pool##*-}
  mkdir -p "$d/$size"
  ! mount -t hugetlbfs -o "pagesize=\${size%B}" hugetlbfs "$d/$size" 2>/dev/null || huge="$huge\${huge:+, }\\"$d/$size\\""
done
[ -z "$huge" ] || echo "hugetlbfs_mount = [$huge]" >>etc/qemu.conf
mount --bind "$d/run/libvirt" "$3/libvirt" 2>/dev/null || { mkdir -p "$3/libvirt" && mount --bind "$d/run/libvirt" "$3/libvirt"; }
mount --bind "$d/etc" /etc/libvirt
mount --bind "$d/lib" /var/lib/libvirt
mount --bind "$cache" /var/cache/libvirt
mount --bind "$d/log" /var/log/libvirt
# What the job is known by must not be inherited by guests: they outlive a daemon that is restarted.
exec env -u KVM4NFV_JOB -u KVM4NFV_EXEC libvirtd -p "$d/libvirtd.pid" -f "$d/etc/libvirtd.conf"
`;

const startDeadline = 60_000;

// As a rule it takes less than a tenth of a second; after a whole one the daemon is asked whether it still lives.
const waitScript = `
round=0
until [ -S "$1" ]; do
  round=$((round + 1)); [ $round -le 50 ] || exit 1
  sleep 0.02
done
`;

/** What it complained of, without time, pid and place in its source. */
const said = async (host: Host, job: Job): Promise<string> => {
  const files = [`${job.directory}/stderr`, `${job.directory}/log/libvirtd.log`];
  const { stdout } = await host.exec(['tail', '-q', '-n', '5', ...files], { check: false, root: true });
  const lines = stdout.trim().split('\n');
  const errors = lines.flatMap((line) => / : error : (?:\S+:\d+ : )?(.*)$/.exec(line)?.[1] ?? []);
  return (errors.length > 0 ? errors : lines).join('; ');
};

/** Starts a libvirtd of the run's own. `name` is unique within the run. Needs root on the host. */
export const startPrivateDaemon = async (
  host: Host,
  run: string,
  name: string,
  signal: AbortSignal,
): Promise<PrivateDaemon> => {
  const argv = ['unshare', '-m', 'sh', '-c', inside, 'sh', '/var/cache/kvm4nfv/libvirt', randomUUID(), '/run'];
  const job = await host.start({ run, name, argv, root: true });
  // Its state is in the job's directory and goes with it: nothing that it might still write is needed.
  const end = async (): Promise<void> => {
    await job.cancel({ grace: 0 });
    await job[Symbol.asyncDispose]();
  };
  const socket = `${job.directory}/run/libvirt/libvirt-sock`;
  try {
    const until = Date.now() + startDeadline;
    for (;;) {
      const argv = ['sh', '-c', waitScript, 'sh', socket];
      const { exitCode } = await host.exec(argv, { check: false, root: true, signal });
      if (exitCode === 0) break;
      if (!(await job.running()) || Date.now() > until)
        throw new Kvm4nfvError('E_NO_LIBVIRT', `${host.name}: libvirtd does not start: ${await said(host, job)}`, {
          hint: 'install libvirt-daemon-system and qemu-system-x86 there, or start libvirtd yourself',
        });
    }
  } catch (error) {
    await job[Symbol.asyncDispose]();
    throw error;
  }
  return { uri: `qemu+unix:///system?socket=${socket}`, [Symbol.asyncDispose]: end };
};
