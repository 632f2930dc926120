import type { KnobResult } from '../tuning/judge.js';
import { plain, type Paint } from './paint.js';
import { renderTable } from './table.js';

const styles = { ok: 'green', differs: 'red', 'needs-reboot': 'yellow', unsupported: 'gray', absent: 'gray' } as const;

/** A table of knobs: requested, effective, and why where that differs. */
export const renderKnobs = (results: readonly KnobResult[], paint: Paint = plain): string =>
  renderTable(
    [{ title: 'knob' }, { title: 'requested' }, { title: 'effective' }, { title: 'state' }, { title: '' }],
    results.map(({ knob, requested, effective, state, reason = '' }) => [
      { text: knob },
      { text: requested },
      { text: effective },
      { text: state, shown: paint(styles[state], state) },
      { text: state === 'ok' ? '' : reason },
    ]),
  );
