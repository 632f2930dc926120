import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { encodeEthernet, vlan } from '../../lib/lab/frames/ethernet.js';
import type { WireEnds } from '../../lib/lab/ports.js';
import { openStation, type Station } from '../../lib/lab/station.js';
import { openWire, type Wire } from '../../lib/lab/wire.js';
import { refusal } from './refusal.js';
import { eventually } from '../support/eventually.js';

/** Two UDP ports that were free a moment ago. */
const freePorts = async (): Promise<WireEnds> => {
  const sockets = [createSocket('udp4'), createSocket('udp4')];
  const ports = await Promise.all(
    sockets.map(async (socket) => {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      return socket.address().port;
    }),
  );
  for (const socket of sockets) socket.close();
  return { port: ports[0]!, peerPort: ports[1]! };
};

const one = { mac: '02:00:00:00:00:01', address: '192.0.2.1' };
const two = { mac: '02:00:00:00:00:02', address: '192.0.2.2' };
const frame = (payload: number, ...tags: number[]): Uint8Array =>
  encodeEthernet({
    destination: two.mac,
    source: one.mac,
    vlans: tags.map((id) => vlan(id)),
    type: 0x88b5,
    payload: Uint8Array.of(payload),
  });

describe('The wire', () => {
  let near: Wire;
  let far: Wire;
  let ends: WireEnds;
  const stations: Station[] = [];

  beforeEach(async () => {
    ends = await freePorts();
    near = await openWire(ends);
    far = await openWire({ port: ends.peerPort, peerPort: ends.port });
  });
  afterEach(async () => {
    for (const station of stations.splice(0)) await station[Symbol.asyncDispose]();
    await near[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
  });
  const station = (wire: Wire, options: Parameters<typeof openStation>[1]): Station => {
    const made = openStation(wire, options);
    stations.push(made);
    return made;
  };

  it('carries frames as they are, in order, with rising times', async () => {
    const ended = new AbortController();
    const frames = far.frames({ signal: ended.signal });
    for (let index = 0; index < 50; index++) await near.send(frame(index));
    const got: { readonly at: bigint; readonly frame: Uint8Array }[] = [];
    for await (const received of frames) {
      got.push(received);
      if (got.length === 50) ended.abort();
    }
    expect(got.map((received) => received.frame[14])).to.deep.equal(Array.from({ length: 50 }, (_, index) => index));
    expect(got.every(({ at }, index) => index === 0 || at >= got[index - 1]!.at)).to.be.true;
    expect(near.statistics().sent).to.equal(50);
    expect(far.statistics()).to.deep.equal({ sent: 0, received: 50, dropped: 0 });
  });

  it('gives each of several readers every frame, and ends them with itself', async () => {
    const read = async (): Promise<number> => {
      let count = 0;
      for await (const { frame: bytes } of far.frames()) {
        expect(bytes).to.have.length(60);
        count++;
      }
      return count;
    };
    const readers = [read(), read()];
    for (let index = 0; index < 5; index++) await near.send(frame(index));
    await eventually('five frames', () => far.statistics().received >= 5);
    await far[Symbol.asyncDispose]();
    expect(await Promise.all(readers)).to.deep.equal([5, 5]);
    far = await openWire({ port: ends.peerPort, peerPort: ends.port });
  });

  it('lets two stations ping each other', async () => {
    station(far, two);
    const result = await station(near, one).ping(two.address, { count: 4, interval: 5 });
    expect(result).to.include({ mac: two.mac, sent: 4, received: 4 });
    expect(result.roundTrips).to.have.length(4);
    expect(result.vlans).to.deep.equal([[], [], [], []]);
  });

  it('keeps VLANs apart and tells the tags of the answers', async () => {
    station(far, { ...two, vlan: 100 });
    const inside = await station(near, { ...one, vlan: 100 }).ping(two.address, { count: 2, interval: 5 });
    expect(inside.vlans).to.deep.equal([[100], [100]]);
    const outside = await refusal(
      station(near, { ...one, mac: '02:00:00:00:00:03' }).ping(two.address, { timeout: 30 }),
    );
    expect(outside).to.match(/nobody answered for 192\.0\.2\.2 \(untagged, asked 3 times\)/);
  });

  it('loses frames to a peer that is not there without a fault', async () => {
    await far[Symbol.asyncDispose]();
    for (let index = 0; index < 3; index++) await near.send(frame(index));
    far = await openWire({ port: ends.peerPort, peerPort: ends.port });
    const frames = far.frames();
    await near.send(frame(9));
    for await (const received of frames) {
      expect(received.frame[14]).to.equal(9);
      break;
    }
  });

  it('can be interrupted while it waits for an answer', async () => {
    const control = new AbortController();
    const waiting = refusal(station(near, one).ping('192.0.2.77', { timeout: 60_000, signal: control.signal }));
    control.abort();
    expect(await waiting).to.match(/interrupted/);
  });

  it('says which port is taken', async () => {
    expect(await refusal(openWire(ends))).to.include(String(ends.peerPort));
  });
});
