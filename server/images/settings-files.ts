/** Directory of the build inside the container: a file system in memory, so nothing of it gets into the image. */
export const BUILD_DIRECTORY = '/run/incus-agents-build';

/** What of the host a build uses, as a flow has read it. */
export interface HostSettings {
  /** ID of the host's distribution. */
  distribution?: string;
  /** Where the distribution's packages come from. */
  mirror?: { distribution: string; main: string; security?: string };
  /** Lines of an apt.conf. */
  aptOptions: readonly string[];
  /** Lines of an npmrc, and certificates to trust as PEM. */
  npm: { lines: readonly string[]; certificates?: string };
}

/** The variables that the scripts of a phase see, none of them secret: they lie in a file all the same. */
export type PhaseVariables = Readonly<Record<string, string>>;

/** The files, by name, with which the scripts use what the host uses. */
export function settingsFiles(host: HostSettings, variables: PhaseVariables): Map<string, string> {
  const certificates = `${BUILD_DIRECTORY}/certificates.pem`;
  const trusted = host.npm.certificates;
  const environment = {
    ...variables,
    APT_CONFIG: `${BUILD_DIRECTORY}/apt.conf`,
    NPM_CONFIG_USERCONFIG: `${BUILD_DIRECTORY}/npmrc`,
    MIRROR: host.mirror?.main ?? '',
    MIRROR_SECURITY: host.mirror?.security ?? '',
    MIRROR_OF: host.mirror?.distribution ?? '',
    ...(trusted === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates, SSL_CERT_FILE: certificates }),
  };
  const npmrc = [...host.npm.lines, ...(trusted === undefined ? [] : [`cafile=${certificates}`]), ...QUIET_NPM];
  return new Map([
    ['environment', lines(Object.entries(environment).map(([key, value]) => `${key}=${quote(value)}`))],
    ['apt.conf', lines([...APT_OPTIONS, ...host.aptOptions])],
    ['npmrc', lines(npmrc)],
    ...(trusted === undefined ? [] : [['certificates.pem', trusted] as [string, string]]),
  ]);
}

/** The container is thrown away if the machine fails, so dpkg need not wait for the disk; nobody is there to be asked. */
const APT_OPTIONS = [
  'DPkg::Options { "--force-unsafe-io"; "--force-confdef"; "--force-confold"; };',
  'DPkg::Lock::Timeout "120";',
  'DPkg::Use-Pty "false";',
  'Acquire::Retries "3";',
];

const QUIET_NPM = ['audit=false', 'fund=false', 'update-notifier=false', 'loglevel=error'];

function lines(items: readonly string[]): string {
  return items.map(item => `${item}\n`).join('');
}

/** A word for a POSIX shell. */
function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
