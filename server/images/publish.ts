import { messageOf } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { PublishImage } from '../incus/types/image.ts';
import type { Instance } from '../incus/types/instance.ts';
import type { BuildContainer } from './container.ts';
import {
  AGENTS_PROPERTY,
  BASE_PROPERTY,
  BUILD_PROPERTY,
  VERSIONS_PROPERTY,
  versionAlias,
  versionsText,
} from './properties.ts';

export interface PublishOptions {
  alias: string;
  base: string;
  agents: readonly string[];
  /** By agent, as far as they are known. */
  versions: Readonly<Record<string, string>>;
  compression?: NonNullable<PublishImage['compression']>;
  signal: AbortSignal;
  onProgress: (text: string) => void;
  /** Called with the image before anything names it. */
  packed(fingerprint: string): Promise<void>;
}

/**
 * Makes the stopped build container an image with the alias and a dated alias. The alias moves last: until then the image of
 * before is used, and afterwards there is nothing left that can fail. A failure or an abort leaves no image.
 */
export async function publishBuild(incus: Incus, container: BuildContainer, o: PublishOptions): Promise<string> {
  const found = await incus.instance(container.name, o.signal);
  const properties = { ...described(found?.instance, o), [BUILD_PROPERTY]: container.id };
  const fingerprint = await pack(incus, container.name, properties, o);
  try {
    await o.packed(fingerprint);
    o.signal.throwIfAborted();
    await incus.createAlias(versionAlias(o.alias, new Date()), fingerprint, { signal: o.signal });
    o.signal.throwIfAborted();
    await incus.moveAlias(o.alias, fingerprint);
  } catch (error) {
    await incus.deleteImage(fingerprint);
    throw error;
  }
  return fingerprint;
}

/**
 * zstd takes hardly longer than no compression (24 s against 20 s for 2.4 GB) and a third of the space. The daemon runs the host's
 * program for it, so where that is missing the server's own choice is taken.
 */
async function pack(
  incus: Incus,
  name: string,
  properties: Record<string, string>,
  o: PublishOptions,
): Promise<string> {
  const reporting = { signal: o.signal, onProgress: o.onProgress };
  try {
    return await incus.publish(name, { properties, compression: o.compression ?? 'zstd' }, reporting);
  } catch (error) {
    if (o.compression !== undefined || o.signal.aborted || !/zstd/.test(messageOf(error))) throw error;
    return incus.publish(name, { properties }, reporting);
  }
}

function described(instance: Instance | undefined, o: PublishOptions): Record<string, string> {
  const os = instance?.config['image.os'] ?? '';
  const release = instance?.config['image.release'] ?? '';
  const system = [os, release].filter(word => word !== '').join(' ');
  const agents = o.agents.map(agent => [agent, o.versions[agent] ?? []].flat().join(' '));
  return {
    description: `${o.alias}: ${[system === '' ? o.base : system, ...agents].join(', ')}`,
    ...(os === '' ? {} : { os }),
    ...(release === '' ? {} : { release }),
    [AGENTS_PROPERTY]: o.agents.join(','),
    ...(Object.keys(o.versions).length === 0 ? {} : { [VERSIONS_PROPERTY]: versionsText(o.versions) }),
    [BASE_PROPERTY]: o.base,
  };
}
