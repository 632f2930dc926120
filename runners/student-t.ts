/**
 * How much of Student's t distribution lies within `tan(angle) * sqrt(freedom)` of 0, for whole degrees of freedom: the finite series of
 * Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
 */
const within = (angle: number, freedom: number): number => {
  const cosine = Math.cos(angle);
  const odd = freedom % 2;
  let term = odd === 1 ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let power = 2 + odd; power < freedom; power += 2) {
    term *= (cosine * cosine * (power - 1)) / power;
    sum += term;
  }
  return odd === 1 ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
};

/** Two-sided quantile of Student's t distribution: `confidence` (0 to 1) of it lies within so much of 0. `freedom`: 1 or more, whole. */
export const studentT = (confidence: number, freedom: number): number => {
  let [low, high] = [0, Math.PI / 2];
  // Each step halves the interval: 60 leave less than a double tells.
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < confidence) low = middle;
    else high = middle;
  }
  return Math.tan((low + high) / 2) * Math.sqrt(freedom);
};

/** Half the width of the confidence interval of the mean of `values`, as a part of the mean; infinite where that can't be told. */
export const relativeHalfWidth = (values: readonly number[], confidence: number): number => {
  const count = values.length;
  if (count < 2) return Infinity;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  if (variance === 0) return 0;
  return mean === 0 ? Infinity : (studentT(confidence, count - 1) * Math.sqrt(variance / count)) / Math.abs(mean);
};
