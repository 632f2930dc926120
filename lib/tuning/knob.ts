import type { ZodType } from 'zod';
import type { Aspect } from './aspect.js';
import type { Machine } from './machine.js';
import type { Request, Snapshot } from './reading.js';
import type { Errno } from './refusal.js';

/** The three groups of the KVM4NFV requirements. */
export const groups = ['platform', 'operating-system', 'performance'] as const;
export type Group = (typeof groups)[number];

/** Where a value shows: a kernel file, a link, or what a command prints. */
export type Place =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/**
 * 0: what others would undo or that changes which CPUs there are (services, SMT, mounts); 1: directories and groups; 2: values.
 * Each phase is planned on what the host shows after the one before.
 */
export type Phase = 0 | 1 | 2;

/** What is to be seen of a kernel parameter, whoever gave it and however it is spelt. */
export interface Effect {
  readonly effective: boolean;
  /** As the kernel shows it. */
  readonly text: string;
  /** Why it has no effect where it stands on the command line all the same. */
  readonly reason?: string;
}

interface Common {
  /** Names the item within its knob: `IRQ 24`, `node 1`. */
  readonly label: string;
  readonly phase?: Phase;
}

/** One single thing that a knob wants of a host. */
export type Item = Common &
  (
    | {
        /** A value in a kernel file, written and read back there. */
        readonly kind: 'value';
        readonly path: string;
        readonly aspect: Aspect;
        readonly want: string;
        /** What to write, where that is only a part of what will show. Default: `want`. */
        readonly text?: string;
        /** Other values that are good as well, by their canonical form. */
        readonly accept?: (value: string) => boolean;
        /** Errors with which the kernel may refuse it, and why; that is listed then and stops nothing. Any other is an error. */
        readonly mayRefuse?: { readonly errors: readonly Errno[]; readonly reason: string };
        /** Why a kernel without the file is as good as one with the value: it has nothing that could be off. */
        readonly needless?: string;
        /** What is in effect already, whatever the value shows: good enough to look at, and no reason not to write. */
        readonly settled?: string;
        /** Set at boot or when its module is loaded: never written, only compared. */
        readonly bootOnly?: boolean;
      }
    | {
        /** A whole file on disk; undefined: no such file. */ readonly kind: 'file';
        readonly path: string;
        readonly want: string | undefined;
        /** Run once the file is written, and again once it is as it was before. */
        readonly then?: readonly string[];
      }
    | {
        /** Something that a command changes and that shows elsewhere. */
        readonly kind: 'action';
        readonly place: Place;
        readonly aspect: Aspect;
        readonly want: string;
        readonly accept?: (value: string) => boolean;
        readonly argv: readonly string[];
        /** The command that puts `before` back. */
        readonly undo: (before: string) => readonly string[];
        /** Run once this and all that came later is undone. */
        readonly afterwards?: readonly string[];
      }
    | { readonly kind: 'directory'; readonly path: string }
    | {
        /** Only looked at: where the kernel shows the effect. */
        readonly kind: 'check';
        readonly place: Place;
        readonly aspect: Aspect;
        readonly want: string;
        readonly accept?: (value: string) => boolean;
      }
    | {
        /** A kernel parameter such as `isolcpus=2-5`; takes effect with the next boot. */
        readonly kind: 'parameter';
        readonly parameter: string;
        /** What the kernel shows of its effect, where it shows any: that counts, not the text of the command line. */
        readonly shows?: Effect;
      }
    | {
        /**
         * The machine can't have it. `absent`: there is nothing of the sort, which is forgiven where only a profile asked for it.
         * `differs`: what was named in particular, a node or a device, is not there. `unsupported`: the kernel or the
         * processor can't do it.
         */
        readonly kind: 'lacking';
        readonly state: 'absent' | 'unsupported' | 'differs';
        readonly reason: string;
        /** Told, and never a reason to stop, whoever asked for it. */
        readonly excused?: boolean;
      }
  );

export interface KnobContext<V = unknown> {
  readonly value: V;
  readonly machine: Machine;
}

export interface KnobDefinition<V = unknown> {
  readonly kind: 'knob';
  readonly apiVersion: 1;
  /** kebab-case, unique. */
  readonly name: string;
  readonly group: Group;
  /** What it sets, in one line. */
  readonly summary: string;
  /** Why it exists. */
  readonly why: string;
  /** What it costs in latency when it is wrong. */
  readonly costs: string;
  /** The kernel document (or manual) that it comes from. */
  readonly source: string;
  /** How to mend it by hand. */
  readonly mend: string;
  readonly value: ZodType<V>;
  /** What it takes a reboot for. Default: false. */
  readonly needsReboot?: boolean;
  /** How bad it is when not set, for the readiness report. Default: `minor`. */
  readonly weight?: 'major' | 'minor';
  /** What must be read to know its items and where they stand: globs, since nothing is known of the machine yet. */
  reads(value: V): readonly Request[];
  /** What it wants, given what the host shows; pure. No items: the machine has nothing of the sort. */
  items(context: KnobContext<V>, now: Snapshot): readonly Item[];
}

/** Defines a knob: one tunable thing. It says what to read and, of that, what it wants; reading, journalling, writing and verifying are the engine's. */
export const defineKnob = <V>(definition: Omit<KnobDefinition<V>, 'kind' | 'apiVersion'>): KnobDefinition<V> => ({
  kind: 'knob',
  apiVersion: 1,
  ...definition,
});
