import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import { findImage, IMAGE_MISSING } from './list.ts';
import { versionOf } from './properties.ts';

/**
 * Deletes an image by its alias. One that other aliases name too only loses this one; the dated aliases of its own
 * version do not count and go with it. Earlier versions are images of their own and stay. `not-found` when there is none.
 */
export async function deleteImage(incus: Incus, alias: string, signal?: AbortSignal): Promise<void> {
  const image = await findImage(incus, alias, signal);
  if (image === undefined) {
    throw new Failure('not-found', `There is no image "${alias}" to delete.`, { detail: IMAGE_MISSING });
  }
  const others = image.aliases.filter(other => other !== alias && versionOf(other) !== alias);
  if (others.length === 0 || image.fingerprint.startsWith(alias)) await incus.deleteImage(image.fingerprint, signal);
  else await incus.deleteAlias(alias, signal);
}
