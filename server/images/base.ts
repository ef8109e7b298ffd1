import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { Image } from '../incus/types/image.ts';
import type { InstanceSource } from '../incus/types/instance.ts';
import { findImage } from './list.ts';
import type { Remote } from './remotes.ts';

/** Where a build starts: what Incus is told, the words for it, and the image itself where it is already there. */
export interface Base {
  source: InstanceSource;
  name: string;
  image?: Image;
}

/** The base of an image whose recipe names none. A host's own distribution, because then the host's mirror has it too. */
export function defaultBase(hostDistribution: string | undefined): string {
  return hostDistribution === 'ubuntu' ? 'images:ubuntu/24.04' : 'images:debian/13';
}

/** Finds a base: an image that is there by that alias or fingerprint wins, so that a build can do without any server. */
export async function resolveBase(
  incus: Incus,
  name: string,
  remotes: ReadonlyMap<string, Remote>,
  signal?: AbortSignal,
): Promise<Base> {
  const image = await findImage(incus, name.replace(/^local:/, ''), signal);
  if (image !== undefined) return { source: { fingerprint: image.fingerprint }, name, image };
  return { source: remoteSource(name, remotes), name };
}

/** "remote:alias" or "https://server:alias" as a source for Incus. */
export function remoteSource(name: string, remotes: ReadonlyMap<string, Remote>): InstanceSource {
  const url = /^(https:\/\/.+):([^:]+)$/.exec(name);
  if (url?.[1] !== undefined && url[2] !== undefined) {
    return { server: url[1], protocol: 'simplestreams', alias: url[2] };
  }
  const [, remote, alias] = /^([^:/]+):(.+)$/.exec(name) ?? [];
  if (remote === undefined || alias === undefined || remote === 'local') throw noImage(name);
  const found = remotes.get(remote);
  if (found === undefined) {
    throw new Failure('not-found', `The base image "${name}" names the unknown remote "${remote}".`, {
      hint: `Add it with: incus remote add ${remote} URL --protocol simplestreams`,
    });
  }
  return sourceOf(name, found, alias);
}

function sourceOf(name: string, remote: Remote, alias: string): InstanceSource {
  if (remote.protocol === 'simplestreams') return { server: remote.addr, protocol: 'simplestreams', alias };
  if (remote.protocol === 'incus' && remote.addr.startsWith('https://')) {
    return { server: remote.addr, protocol: 'incus', alias };
  }
  throw new Failure('invalid', `Images of the remote of "${name}" (protocol ${remote.protocol}) cannot be a base.`, {
    hint: 'Copy the image to this Incus (incus image copy … local: --alias NAME) and name that alias.',
  });
}

function noImage(name: string): Failure {
  return new Failure('not-found', `There is no image "${name}" on this Incus to build from.`, {
    hint: 'Name an image that is there, or one of a remote such as images:debian/13.',
  });
}
