import { Kvm4nfvError } from '../../error.js';
import { buildImage } from '../../image/build.js';
import { builtInManifest } from '../../image/manifest.js';
import { wireOf } from '../../lab/find.js';
import { openStation } from '../../lab/station.js';
import { openWire } from '../../lab/wire.js';
import { Teardown } from '../../teardown.js';
import type { Deployer, Deployment } from '../context.js';
import type { Surroundings } from './surroundings.js';

/** Puts stations on the wire of an emulated host that runs. */
const withStations = async (
  stations: Surroundings['stations'],
  { host, run, name }: Deployer,
  deployed: Deployment,
): Promise<Deployment> => {
  const teardown = new Teardown();
  const end = async (): Promise<void> => {
    const left = await teardown.run();
    if (left.length > 0) throw new Kvm4nfvError('E_GUEST_END', `context ${name}: ${left.join('; ')}`);
  };
  teardown.defer('emulated host', async () => deployed[Symbol.asyncDispose]());
  try {
    const wire = await openWire(await wireOf(host, { run, name }));
    teardown.defer('wire', async () => wire[Symbol.asyncDispose]());
    for (const [at, { address, vlan }] of stations.entries()) {
      const mac = `02:00:00:00:00:${(at + 1).toString(16).padStart(2, '0')}`;
      const one = openStation(wire, { mac, address, ...(vlan === undefined ? {} : { vlan }) });
      teardown.defer(`station ${address}`, async () => one[Symbol.asyncDispose]());
    }
    return { ...deployed, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
};

/** Deploys an emulated host with what is around it: images for its guests, and machines on its wire. */
export const deploySurrounded = async (
  { guest_images, stations }: Surroundings,
  on: Deployer,
  deploy: () => Promise<Deployment>,
): Promise<Deployment> => {
  const { host, run, name, signal, progress } = on;
  if (stations.length > 0 && host.transport !== 'local')
    throw new Kvm4nfvError('E_WIRE_TAKEN', `context ${name}: the wire of an emulated host on ${host.name} ends there`, {
      hint: 'Leave out `stations`, or start the emulated host on `local`.',
    });
  for (const image of guest_images) await buildImage(host, builtInManifest(image), { signal, progress, run });
  const deployed = await deploy();
  return stations.length === 0 ? deployed : withStations(stations, on, deployed);
};
