/** Our own environment without what is ours alone, for processes that we start on this machine. */
export const inheritedEnvironment = (): NodeJS.ProcessEnv => {
  const env = { ...process.env };
  delete env['KVM4NFV_PASSPHRASE'];
  return env;
};
