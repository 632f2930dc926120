import { messageOf } from '../../error.js';
import { isDisconnected, isNoDomain, LibvirtError } from '../error.js';
import { localHost } from '../../host/local.js';
import { slownessOf } from '../../host/patience.js';
import { deadline } from '../deadline.js';
import type { CallOptions } from '../types.js';
import type { Binding, NativeConnection, NativeDomain } from './native.js';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const usual = 60_000;

export interface Work extends CallOptions {
  readonly action: string;
  readonly xml?: string;
  /** May be done twice: it is, on a new connection, when libvirtd went away meanwhile. */
  readonly again?: boolean;
}

/** A connection through the binding that is made when first needed and made anew when libvirtd was restarted. */
export class BindingConnection implements AsyncDisposable {
  readonly uri: string;
  readonly host: string;
  private readonly binding: Binding;
  private opened: Promise<NativeConnection> | undefined;

  constructor(binding: Binding, uri: string, host: string) {
    this.binding = binding;
    this.uri = uri;
    this.host = host;
  }

  async run<T>(work: Work, body: (connection: NativeConnection) => Promise<T>): Promise<T> {
    try {
      return await this.once(work, body);
    } catch (error) {
      if (!isDisconnected(error)) throw error;
      await this.close();
      if (work.again !== true) throw error;
      return await this.once(work, body);
    }
  }

  /** Runs `body` with a domain that is named by its name or UUID. */
  domain<T>(name: string, work: Work, body: (domain: NativeDomain) => Promise<T>): Promise<T> {
    return this.run(work, async (connection) => {
      if (!uuid.test(name)) return body(await connection.domainLookupByName(name));
      const found = await connection.domainLookupByUUIDString(name).catch((error: unknown) => {
        if (isNoDomain(this.error(error, work))) return connection.domainLookupByName(name);
        throw error;
      });
      return body(found);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async once<T>(work: Work, body: (connection: NativeConnection) => Promise<T>): Promise<T> {
    work.signal?.throwIfAborted();
    try {
      return await deadline(
        this.open().then(body),
        work.timeout ?? usual,
        work.signal,
        `${this.host}: ${this.uri}: ${work.action}`,
        // The binding is in this process, and libvirtd beside it.
        () => slownessOf(localHost()),
      );
    } catch (error) {
      throw this.error(error, work);
    }
  }

  private error(error: unknown, { action, xml }: Work): unknown {
    // Errors of the binding are its own class; what is ours, or of the signal, goes through as it is.
    if (!(error instanceof Error) || error.name !== 'LibvirtError' || error instanceof LibvirtError) return error;
    const context = { action, uri: this.uri, host: this.host, cause: error };
    return new LibvirtError(messageOf(error), xml === undefined ? context : { ...context, xml });
  }

  private open(): Promise<NativeConnection> {
    this.opened ??= this.connect();
    return this.opened;
  }

  private async connect(): Promise<NativeConnection> {
    const connection = new this.binding.Hypervisor({ uri: this.uri });
    try {
      await connection.connectOpen();
      return connection;
    } catch (error) {
      this.opened = undefined;
      throw error;
    }
  }

  private async close(): Promise<void> {
    const connection = this.opened;
    this.opened = undefined;
    await connection?.then((open) => open.connectClose()).catch(() => undefined);
  }
}
