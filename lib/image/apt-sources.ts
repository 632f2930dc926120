import { Kvm4nfvError } from '../error.js';

interface Target {
  readonly uri: string;
  readonly release: string;
  readonly component: string;
  readonly signedBy: string | undefined;
  readonly trusted: boolean;
}

/** What `apt-get indextargets --no-release-info` prints: stanzas of `Key: value` lines, one for each index. */
export const parseIndexTargets = (text: string): readonly Target[] =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map(
      stanza.split('\n').flatMap((line): [string, string][] => {
        const at = line.indexOf(': ');
        return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 2).trim()]];
      }),
    );
    const [uri, release, component] = [fields.get('Repo-URI'), fields.get('Release'), fields.get('Component')];
    if (uri === undefined || release === undefined || component === undefined) return [];
    if ((fields.get('Created-By') ?? fields.get('Identifier')) !== 'Packages') return [];
    return [{ uri, release, component, signedBy: fields.get('Signed-By'), trusted: fields.get('Trusted') === 'yes' }];
  });

const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

const line = (target: Target, release: string): string => {
  // A key given in line in a deb822 file can't stand in a one-line entry: Debian's own keyring holds Debian's keys.
  const key = target.signedBy?.startsWith('/') === true ? target.signedBy : debianKeyring;
  const options = target.trusted ? '[trusted=yes]' : `[signed-by=${key}]`;
  return `deb ${options} ${target.uri} ${release} main`;
};

/**
 * The sources of a Debian release, from where the machine's own apt gets its packages: its entries for that release, its
 * updates and its security updates; where apt knows another Debian release only, the same archives with this release.
 */
export const sourcesFor = (suite: string, indexTargets: string): string => {
  const main = parseIndexTargets(indexTargets).filter((target) => target.component === 'main');
  const own = main.filter((target) => target.release === suite || target.release.startsWith(`${suite}-`));
  const wanted = own.filter((target) => [suite, `${suite}-updates`, `${suite}-security`].includes(target.release));
  if (wanted.some((target) => target.release === suite)) {
    return [...new Set(wanted.map((target) => line(target, target.release)))].join('\n') + '\n';
  }
  const securityOf = main.find((target) => target.release.endsWith('-security'));
  const archive = main.find((target) => `${target.release}-security` === securityOf?.release);
  if (archive === undefined || securityOf === undefined) {
    throw new Kvm4nfvError('E_IMAGE_TOOLS', `apt on this machine knows no source for Debian '${suite}'`, {
      hint: `Add an entry for ${suite} with the component main below /etc/apt/sources.list.d.`,
    });
  }
  return (
    [line(archive, suite), line(archive, `${suite}-updates`), line(securityOf, `${suite}-security`)].join('\n') + '\n'
  );
};
