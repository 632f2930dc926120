/** Colours that we never use, cursor, title, C1, bidi, zero width, tags, orders to a CI: what a terminal or a CI would obey. */
export const words = [
  'HOSTILE',
  '\u001B[44mHOSTILE\u001B[0m',
  '\u001B[31mHOSTILE',
  '\u001B[2J\u001B[1;1H',
  '\u001B]0;title\u0007',
  '\u001B]8;;http://192.0.2.66/\u001B\\link',
  '\u009B41m\u0090q\u009C',
  '\u202Etxt.exe\u2066',
  '\u200B\uFEFF\u{E0041}',
  '\b\b\b\u007F',
  'over\rwritten',
  '##[group]',
  '##vso[task.complete]',
].join('');

/** Orders count at the start of a line. */
export const lines = `${words}\n::error file=a,line=1::HOSTILE\n  ::set-output name=a::b\n`;

const acts = /[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\u2028\u2029]/u;
const order = /^\s*::[a-z][^:\n]*::|##(?:vso|teamcity)?\[/im;

/** What {@link coloured} of ours may write, unless it is a host's: they have HOSTILE behind them. */
const ours = /\u001B\[(?:0|1|2[1-9]|3[1-6]|39|90)m(?!HOSTILE)/g;

/** The first thing in a stream that acts on who reads it, with what stands around it; undefined: nothing does. */
export const actsIn = (
  stream: string,
  { colours, terminal }: { colours: boolean; terminal: boolean },
): string | undefined => {
  // A terminal's driver writes \r\n; our own progress clears its line.
  const shown = terminal ? stream.replaceAll('\r\u001B[2K', '').replaceAll('\r\n', '\n') : stream;
  const rest = colours ? shown.replaceAll(ours, '') : shown;
  const found = acts.exec(rest) ?? order.exec(rest);
  return found === null ? undefined : JSON.stringify(rest.slice(Math.max(0, found.index - 80), found.index + 80));
};
