import { hostAptOptions, hostDistribution, hostMirror, type Mirror } from './apt.ts';
import { hostNpmSettings, type NpmSettings } from './npm.ts';

/** How this machine reaches packages: what a build of an image uses too. */
export interface HostSettings {
  /** ID of the host's distribution. */
  distribution?: string;
  mirror?: Mirror;
  aptOptions: string[];
  npm: NpmSettings;
}

/** Reads the host's configuration of package sources, below `root`. */
export async function readHostSettings(home: string, root = '/'): Promise<HostSettings> {
  const [distribution, mirror, aptOptions, npm] = await Promise.all([
    hostDistribution(root),
    hostMirror(root),
    hostAptOptions(root),
    hostNpmSettings(home, root),
  ]);
  return {
    aptOptions,
    npm,
    ...(distribution === undefined ? {} : { distribution }),
    ...(mirror === undefined ? {} : { mirror }),
  };
}
