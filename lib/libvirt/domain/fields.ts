import * as z from 'zod';

/** Text that may stand in an attribute or element: no control characters. */
export const text = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}\ufffe\uffff]+$/u, 'control characters are not allowed');
export const path = text.refine((value) => value.startsWith('/'), 'expected an absolute path');
export const cpus = z.array(z.int().min(0)).min(1).readonly();
export const bytes = z.int().positive();
/** `0000:3b:10.2`. */
export const pciAddress = z
  .string()
  .regex(/^[\da-f]{4}:[\da-f]{2}:[01][\da-f]\.[0-7]$/i, 'expected a PCI address such as 0000:3b:10.2');
/** Unicast: the lowest bit of its first octet is 0. */
export const mac = z
  .string()
  .regex(/^[\da-f][02468ace](?::[\da-f]{2}){5}$/i, 'expected a unicast MAC address such as 52:54:00:12:34:56');
export const port = z.int().min(1).max(65535);
export const toggle = z.boolean();
