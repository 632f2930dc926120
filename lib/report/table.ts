import stringWidth from 'string-width';

/** A cell with the text that is shown and, where it has escape sequences, the text that is measured. */
export interface Cell {
  readonly text: string;
  readonly shown?: string;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Rows of cells under titles, columns aligned, two spaces between. A wide character takes two columns, a combining one none. */
export const renderTable = (columns: readonly Column[], rows: readonly (readonly Cell[])[]): string => {
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index]?.text ?? ''))),
  );
  const line = (cells: readonly Cell[]): string =>
    columns
      .map(({ align = 'left' }, index) => {
        const { text = '', shown = text } = cells[index] ?? {};
        const gap = ' '.repeat((widths[index] ?? 0) - stringWidth(text));
        return align === 'left' ? shown + gap : gap + shown;
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => ({ text: title }))), ...rows.map(line)].join('\n');
};
