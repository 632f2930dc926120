import { Kvm4nfvError } from '../error.js';
import type { Diagnostic } from './diagnostic.js';
import { renderDiagnostics, type Sources } from './render.js';

/** The suite is wrong. `message` is the rendering of all its diagnostics. */
export class SuiteError extends Kvm4nfvError {
  readonly diagnostics: readonly Diagnostic[];
  /** Text of each file that a diagnostic names, for {@link renderDiagnostics}. */
  readonly sources: Sources;

  constructor(diagnostics: readonly Diagnostic[], sources: Sources) {
    super('E_SUITE', '');
    // Printable already, each of them bounded: together they may be longer than any other message.
    this.message = renderDiagnostics(diagnostics, sources);
    this.diagnostics = diagnostics;
    this.sources = sources;
  }
}
