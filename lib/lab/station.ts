import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError } from '../error.js';
import type { Nanoseconds } from '../measure/units.js';
import { broadcast, type Ipv4Address, type MacAddress } from './frames/address.js';
import { encodeArp } from './frames/arp.js';
import { decodeFrame, type DecodedFrame } from './frames/decode.js';
import { encodeEthernet, etherType, vlan } from './frames/ethernet.js';
import { encodeEcho } from './frames/icmp.js';
import { encodeIpv4, ipProtocol } from './frames/ipv4.js';
import type { Wire } from './wire.js';

export interface StationOptions {
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
  /** Tag of all that it sends; untagged where it is left out. */
  readonly vlan?: number;
}

export interface PingOptions {
  /** Echoes to send. Default: 5. */
  readonly count?: number;
  /** Milliseconds from one to the next. Default: 200. */
  readonly interval?: number;
  /** Milliseconds that the last answer may take, and each try of three to learn the MAC. Default: 2 s. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface PingResult {
  readonly mac: MacAddress;
  readonly sent: number;
  readonly received: number;
  /** Of each answer, in the order of their coming. */
  readonly roundTrips: readonly Nanoseconds[];
  /** Of each answer: numbers of its 802.1Q tags, outermost first. */
  readonly vlans: readonly (readonly number[])[];
}

/**
 * A machine with one address on a wire, so that a port or a VF has somebody to talk to: answers ARP and echoes, and sends its
 * own. Takes frames of its VLAN only, or untagged ones where it has none.
 */
export interface Station extends AsyncDisposable {
  /** Asks for the MAC of an address. Throws a `tool` error when nobody answers. */
  resolve(address: Ipv4Address, options?: PingOptions): Promise<MacAddress>;
  /** Sends echoes and counts the answers; no answer at all to them is a result, not an error. */
  ping(address: Ipv4Address, options?: PingOptions): Promise<PingResult>;
}

type Taker = (frame: DecodedFrame, at: bigint) => void;
const tries = 3;
const echoSize = 56;

class WireStation implements Station {
  readonly #wire: Wire;
  readonly #options: StationOptions;
  readonly #ended = new AbortController();
  readonly #takers = new Set<Taker>();
  readonly #listening: Promise<void>;
  #identifier = Math.floor(Math.random() * 0x10000);

  constructor(wire: Wire, options: StationOptions) {
    this.#wire = wire;
    this.#options = options;
    const frames = wire.frames({ signal: this.#ended.signal });
    this.#listening = this.#listen(frames);
  }

  async #listen(frames: ReturnType<Wire['frames']>): Promise<void> {
    for await (const { at, frame: bytes } of frames) {
      const frame = decodeFrame(bytes);
      if (frame === undefined || !this.#isMine(frame)) continue;
      await this.#answer(frame);
      for (const take of [...this.#takers]) take(frame, at);
    }
  }

  #isMine({ destination, vlans }: DecodedFrame): boolean {
    const { mac, vlan: tag } = this.#options;
    return (destination === mac || destination === broadcast) && vlans[0]?.id === tag && vlans.length < 2;
  }

  async #answer({ source, arp, ipv4, echo }: DecodedFrame): Promise<void> {
    const { mac, address } = this.#options;
    if (arp?.operation === 'request' && arp.targetAddress === address) {
      const reply = {
        senderMac: mac,
        senderAddress: address,
        targetMac: arp.senderMac,
        targetAddress: arp.senderAddress,
      };
      await this.#send(arp.senderMac, etherType.arp, encodeArp({ operation: 'reply', ...reply }));
    }
    if (echo?.kind === 'request' && ipv4?.destination === address)
      await this.#sendEcho(source, ipv4.source, { ...echo, kind: 'reply' });
  }

  #send(destination: MacAddress, type: number, payload: Uint8Array): Promise<void> {
    const { mac, vlan: tag } = this.#options;
    const vlans = tag === undefined ? [] : [vlan(tag)];
    return this.#wire.send(encodeEthernet({ destination, source: mac, vlans, type, payload }));
  }

  #sendEcho(mac: MacAddress, destination: Ipv4Address, echo: Parameters<typeof encodeEcho>[0]): Promise<void> {
    const packet = { source: this.#options.address, destination, protocol: ipProtocol.icmp, ttl: 64 };
    return this.#send(mac, etherType.ipv4, encodeIpv4({ ...packet, payload: encodeEcho(echo) }));
  }

  async resolve(address: Ipv4Address, { timeout = 2000, signal }: PingOptions = {}): Promise<MacAddress> {
    const { mac, address: own } = this.#options;
    const question = { senderMac: mac, senderAddress: own, targetMac: '00:00:00:00:00:00', targetAddress: address };
    let found: MacAddress | undefined;
    const heard = new AbortController();
    const take: Taker = ({ arp }) => {
      if (arp?.operation !== 'reply' || arp.senderAddress !== address) return;
      found = arp.senderMac;
      heard.abort();
    };
    this.#takers.add(take);
    try {
      for (let left = tries; left > 0 && found === undefined; left--) {
        signal?.throwIfAborted();
        await this.#send(broadcast, etherType.arp, encodeArp({ operation: 'request', ...question }));
        await pause(timeout, heard.signal, signal);
      }
    } finally {
      this.#takers.delete(take);
    }
    if (found !== undefined) return found;
    const where = this.#options.vlan === undefined ? 'untagged' : `in VLAN ${String(this.#options.vlan)}`;
    throw new Kvm4nfvError('E_WIRE', `wire: nobody answered for ${address} (${where}, asked ${String(tries)} times)`, {
      hint: 'Is the port up, and is that its address?',
    });
  }

  async ping(address: Ipv4Address, options: PingOptions = {}): Promise<PingResult> {
    const { count = 5, interval = 200, timeout = 2000, signal } = options;
    const mac = await this.resolve(address, options);
    const identifier = (this.#identifier = (this.#identifier + 1) & 0xffff);
    const sentAt = new Map<number, bigint>();
    const answers: { readonly roundTrip: Nanoseconds; readonly vlans: readonly number[] }[] = [];
    const complete = new AbortController();
    const take: Taker = ({ echo, ipv4, vlans }, at) => {
      if (echo?.kind !== 'reply' || echo.identifier !== identifier || ipv4?.source !== address) return;
      const sent = sentAt.get(echo.sequence);
      if (sent === undefined) return;
      sentAt.delete(echo.sequence);
      answers.push({ roundTrip: Number(at - sent), vlans: vlans.map(({ id }) => id) });
      if (answers.length === count) complete.abort();
    };
    this.#takers.add(take);
    try {
      for (let sequence = 0; sequence < count; sequence++) {
        signal?.throwIfAborted();
        if (sequence > 0) await pause(interval, complete.signal, signal);
        sentAt.set(sequence, process.hrtime.bigint());
        await this.#sendEcho(mac, address, { kind: 'request', identifier, sequence, data: new Uint8Array(echoSize) });
      }
      if (sentAt.size > 0) await pause(timeout, complete.signal, signal);
    } finally {
      this.#takers.delete(take);
    }
    const roundTrips = answers.map((answer) => answer.roundTrip);
    return { mac, sent: count, received: answers.length, roundTrips, vlans: answers.map((answer) => answer.vlans) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#listening;
  }
}

/** Sleeps until the time is over or `done`; throws when the caller's signal asks for it. */
const pause = async (milliseconds: number, done: AbortSignal, signal: AbortSignal | undefined): Promise<void> => {
  const either = signal === undefined ? done : AbortSignal.any([done, signal]);
  await sleep(milliseconds, undefined, { signal: either }).catch(() => undefined);
  if (signal?.aborted === true)
    throw new Kvm4nfvError('interrupted', 'wire: interrupted while waiting for an answer', { cause: signal.reason });
};

/** Puts a station on a wire. */
export const openStation = (wire: Wire, options: StationOptions): Station => new WireStation(wire, options);
