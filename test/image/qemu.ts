import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuiltImage } from '../../lib/image/built-image.js';
import { controlPort, firstBootSerial } from '../../lib/image/first-boot.js';
import { eventually } from '../support/eventually.js';
import '../support/slow.js';

/** A port of the loopback interface that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

export interface Machine {
  readonly image: BuiltImage;
  readonly disk: string;
  readonly data: string;
  readonly directory: string;
  readonly name: string;
  readonly port: number;
  /** State to start from. */
  readonly incoming?: string;
}

export const managementMac = '52:54:00:00:00:01';

/** QEMU under TCG with the image's kernel, as plain as it gets. */
export class Qemu {
  readonly #child: ChildProcess;
  readonly #machine: Machine;
  #errors = '';

  constructor(machine: Machine) {
    const { image, directory, name } = machine;
    this.#machine = machine;
    const socket = (id: string): string => `socket,id=${id},path=${directory}/${name}.${id},server=on,wait=off`;
    const argv = [
      ...[
        '-M',
        'q35',
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-m',
        '512',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
      ],
      ...['-serial', `file:${this.console}`, '-chardev', socket('qmp'), '-mon', 'chardev=qmp,mode=control'],
      ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', image.cmdline],
      ...['-drive', `file=${machine.disk},format=qcow2,if=none,id=d0,cache=unsafe,file.locking=off`],
      ...['-device', 'virtio-blk-pci,drive=d0'],
      ...['-drive', `file=${machine.data},format=raw,if=none,id=d1,readonly=on`],
      ...['-device', `virtio-blk-pci,drive=d1,serial=${firstBootSerial}`],
      ...['-netdev', `user,id=n,hostfwd=tcp:127.0.0.1:${String(machine.port)}-:22`],
      ...['-device', `virtio-net-pci,netdev=n,mac=${managementMac},romfile=`],
      ...['-device', 'virtio-serial-pci', '-chardev', socket('control')],
      ...['-device', `virtserialport,chardev=control,name=${controlPort}`],
      ...(machine.incoming === undefined ? [] : ['-incoming', `exec:cat ${machine.incoming}`]),
    ];
    // Not by `begin`: tests after the one that starts it go on with it.
    this.#child = spawn('qemu-system-x86_64', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#errors += bytes.toString()));
  }

  get console(): string {
    return `${this.#machine.directory}/${this.#machine.name}.console`;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines of the console and of QEMU's own messages. */
  get said(): string {
    const text = existsSync(this.console) ? readFileSync(this.console, 'utf8') : '';
    return `${this.#errors}\n${text.split('\n').slice(-20).join('\n')}`;
  }

  async #socket(id: string): Promise<Socket> {
    const path = `${this.#machine.directory}/${this.#machine.name}.${id}`;
    const socket = await eventually(path, async () => {
      if (!this.running) return 'ended';
      const made = connect(path);
      await once(made, 'connect');
      return made;
    });
    if (socket === 'ended') throw new Error(`no ${path}: ${this.said}`);
    return socket;
  }

  /** Runs QMP commands one after the other and gives what the last one returned. */
  async qmp(...commands: readonly Record<string, unknown>[]): Promise<unknown> {
    const socket = await this.#socket('qmp');
    const lines = createInterface(socket)[Symbol.asyncIterator]();
    try {
      let last: unknown;
      for (const command of [{ execute: 'qmp_capabilities' }, ...commands]) {
        socket.write(JSON.stringify(command) + '\n');
        for (;;) {
          const next = await lines.next();
          if (next.done === true) throw new Error(`QMP ended: ${this.said}`);
          const answer = JSON.parse(next.value) as { return?: unknown; error?: { desc: string } };
          if (answer.error !== undefined) throw new Error(answer.error.desc);
          if (!('return' in answer)) continue;
          last = answer.return;
          break;
        }
      }
      return last;
    } finally {
      socket.destroy();
    }
  }

  /** Writes a line to the control port and gives the line that the guest answers with. */
  async control(line: string): Promise<string> {
    const socket = await this.#socket('control');
    try {
      const lines = createInterface(socket)[Symbol.asyncIterator]();
      socket.write(line);
      const answer = await Promise.race([lines.next(), sleep(60_000, undefined, { ref: false })]);
      if (answer === undefined || answer.done === true) throw new Error(`no answer on the control port: ${this.said}`);
      return answer.value;
    } finally {
      socket.destroy();
    }
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
