/** Waits for all of them, whatever becomes of the others, so that what one has made can be undone. */
export const allOf = async <T extends readonly unknown[]>(
  ...work: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> => {
  await Promise.allSettled(work);
  return Promise.all(work);
};
