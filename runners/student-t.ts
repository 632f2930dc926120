/** Two-sided quantiles of Student's t distribution for 1 to 30 degrees of freedom and for more (NIST/SEMATECH e-Handbook 1.3.6.7.2). */
const quantiles = {
  0.9: [
    6.314, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.74,
    1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697, 1.645,
  ],
  0.95: [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
    2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042, 1.96,
  ],
  0.99: [
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.25, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921,
    2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.75, 2.576,
  ],
} as const;

export type Confidence = keyof typeof quantiles;

/** Half the width of the confidence interval of the mean of `values`, as a part of the mean; infinite where that can't be told. */
export const relativeHalfWidth = (values: readonly number[], confidence: Confidence): number => {
  const count = values.length;
  if (count < 2) return Infinity;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  if (variance === 0) return 0;
  const quantile = quantiles[confidence][Math.min(count - 1, 31) - 1] ?? Infinity;
  return mean === 0 ? Infinity : (quantile * Math.sqrt(variance / count)) / Math.abs(mean);
};
