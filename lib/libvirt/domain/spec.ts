import * as z from 'zod';
import { path, text, toggle } from './fields.js';
import { clockSpec, cpuSpec, memorySpec, tuneSpec } from './spec-compute.js';
import { diskSpec, hostdevSpec, interfaceSpec, iommuSpec } from './spec-devices.js';
import { contradictions } from './contradictions.js';
import { fragmentPlaces } from './fragment-places.js';

const base = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected at most 63 letters, digits, dots, dashes and underscores'),
  uuid: z.guid().optional(),
  description: z
    .string()
    .regex(/^[^\p{Cc}]*$/u)
    .optional(),
  owner: z.strictObject({ run: text, context: text }),
  accelerator: z.enum(['kvm', 'tcg']),
  arch: z.string().regex(/^\w+$/).default('x86_64'),
  machine: z
    .string()
    .regex(/^[\w.-]+$/)
    .default('q35'),
  emulator: path.optional(),
  cpu: cpuSpec,
  memory: memorySpec,
  tune: tuneSpec.prefault({}),
  clock: clockSpec.prefault({}),
  /** The kernel to start; left out, the guest boots from its disk. */
  boot: z
    .strictObject({
      kernel: path,
      initrd: path.optional(),
      cmdline: z
        .string()
        .regex(/^[^\p{Cc}]*$/u)
        .default(''),
    })
    .optional(),
  firmware: z.enum(['bios', 'efi']).default('bios'),
  disks: z.array(diskSpec).readonly().default([]),
  interfaces: z.array(interfaceSpec).readonly().default([]),
  hostdevs: z.array(hostdevSpec).readonly().default([]),
  /** File of the host that the first serial port is written to. */
  console: path.optional(),
  /** Channel for qemu-guest-agent. */
  agent: toggle.default(false),
  /** virtio-rng, fed from /dev/urandom. */
  rng: toggle.default(true),
  /** A device through which a guest kernel that panics tells it. */
  panic: toggle.default(false),
  iommu: iommuSpec.optional(),
  ioapic: z.enum(['kvm', 'qemu']).optional(),
  /** Serial number in SMBIOS, by which cloud-init finds its NoCloud data: `ds=nocloud;s=http://192.0.2.1/`. */
  smbiosSerial: text.optional(),
  onReboot: z.enum(['restart', 'destroy', 'preserve']).default('restart'),
  onCrash: z.enum(['destroy', 'restart', 'preserve', 'coredump-destroy']).default('destroy'),
  fragments: z
    .array(z.strictObject({ at: z.enum(fragmentPlaces), xml: z.string().min(1) }))
    .readonly()
    .default([]),
  /** Added to QEMU's command line. */
  qemuArguments: z.array(text).readonly().default([]),
});

/** A domain in typed options. Whatever is not asked for is off: no USB, no balloon, no graphics, no sound, no PMU, no HPET. */
export const domainSpec = base.superRefine((spec, context) => {
  for (const { path: at, message } of contradictions(spec))
    context.addIssue({ code: 'custom', path: [...at], message });
});

export type DomainOptions = z.input<typeof domainSpec>;
export type DomainSpec = z.output<typeof domainSpec>;
