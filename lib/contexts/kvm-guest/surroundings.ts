import * as z from 'zod';
import { builtInManifests } from '../../image/manifest.js';

const station = z.strictObject({
  address: z.ipv4().meta({ description: 'Its address: 192.0.2.1.' }),
  vlan: z.int().min(1).max(4094).optional().meta({ description: 'Tag of all that it sends and takes. Default: none.' }),
});

/** Options of a virtual host that change nothing of the machine itself. */
export const surroundings = {
  guest_images: z
    .array(z.enum([...builtInManifests.keys()]))
    .default([])
    .meta({
      description:
        'Images of guests on it, built on its own host before it starts: it sees the images there and can add none.',
    }),
  stations: z.array(station).default([]).meta({
    description: 'Machines on the wire that its ports are cabled to: they answer ARP and pings, and do nothing else.',
  }),
};
export type Surroundings = z.output<z.ZodObject<typeof surroundings>>;
