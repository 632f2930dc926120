/** Takes secrets out of texts. `written` says how one stands there; a value of a character or two would redact everything. */
export const redactor = (
  secrets: readonly string[],
  written: (secret: string) => string = (secret) => secret,
): ((text: string) => string) => {
  const hidden = secrets.filter(({ length }) => length > 2).map(written);
  return (text) => hidden.reduce((said, secret) => said.replaceAll(secret, '[redacted]'), text);
};
