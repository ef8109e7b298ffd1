import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { Image } from '../incus/types/image.ts';
import type { ImageInfo } from '../protocol/types.ts';
import { agentsOf, isOurs, versionOf, versionsOf } from './properties.ts';

/**
 * The images that containers can be made from: one entry for each alias; the dated aliases of a version show only where no other
 * alias names that image. Base images that Incus merely keeps as a cache are left out.
 */
export async function listImages(incus: Incus, signal?: AbortSignal): Promise<ImageInfo[]> {
  const images = await incus.images(signal);
  return images
    .filter(image => image.type === 'container' && (!image.cached || image.aliases.length > 0))
    .flatMap(entries)
    .sort((a, b) => (a.alias ?? '~').localeCompare(b.alias ?? '~'));
}

function entries(image: Image): ImageInfo[] {
  const named = image.aliases.filter(alias => versionOf(alias) === undefined);
  const newest = image.aliases.toSorted().at(-1);
  const shown = named.length > 0 ? named : [newest];
  const agents = agentsOf(image.properties);
  const agentVersions = versionsOf(image.properties);
  return shown.map(alias => ({
    ...(alias === undefined ? {} : { alias }),
    fingerprint: image.fingerprint,
    ...(image.description === undefined ? {} : { description: image.description }),
    sizeBytes: image.sizeBytes,
    createdAt: image.createdAt,
    ours: isOurs(image),
    ...(agents === undefined ? {} : { agents, agentVersions }),
  }));
}

/** The fingerprint of what `findImage` finds; asking what an alias points at is enough for it. */
export async function findFingerprint(incus: Incus, name: string, signal?: AbortSignal): Promise<string | undefined> {
  const alias = name === '' ? undefined : await incus.imageAlias(name, signal);
  return alias?.fingerprint ?? (await findImage(incus, name, signal))?.fingerprint;
}

/** The image of an alias, or of a fingerprint or its beginning (12 digits at least); undefined when there is none. */
export async function findImage(incus: Incus, name: string, signal?: AbortSignal): Promise<Image | undefined> {
  if (name === '') return undefined;
  const byAlias = await incus.imageByAlias(name, signal);
  if (byAlias !== undefined || !/^[0-9a-f]{12,64}$/.test(name)) return byAlias;
  const found = (await incus.images(signal)).filter(image => image.fingerprint.startsWith(name));
  if (found.length > 1) throw new Failure('invalid', `The fingerprint "${name}" is the beginning of several images'.`);
  return found[0];
}
