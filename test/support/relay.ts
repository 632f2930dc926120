import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a port of 127.0.0.1. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** No byte goes through the connections that there are any more, and none is closed: as where the network is gone. */
  stall(): void;
}

export const startRelay = async (to: number): Promise<Relay> => {
  const sockets = new Set<Socket>();
  const join = (from: Socket, other: Socket): void => {
    sockets.add(from);
    from.pipe(other);
    from.on('error', () => undefined).once('close', () => other.destroy());
  };
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    join(near, far);
    join(far, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
