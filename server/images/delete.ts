import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import { IMAGE_MISSING } from '../protocol/errors.ts';
import { findImage } from './list.ts';
import { isOurs, versionOf } from './properties.ts';

/**
 * Deletes an image by its alias. One that other aliases name too only loses this one; the dated aliases of its own
 * version do not count and go with it. Earlier versions are images of their own and stay. `not-found` when there is none, `conflict` for
 * one that neither this extension nor coi built: it is somebody else's.
 */
export async function deleteImage(incus: Incus, alias: string, signal?: AbortSignal): Promise<void> {
  const image = await findImage(incus, alias, signal);
  if (image === undefined) {
    throw new Failure('not-found', `There is no image "${alias}" to delete.`, { detail: IMAGE_MISSING });
  }
  if (!isOurs(image)) {
    throw new Failure('conflict', `The image "${alias}" was not built by Incus Agents or coi, so it is not deleted.`, {
      hint: `If it is yours: incus image delete ${image.fingerprint.slice(0, 12)}`,
    });
  }
  const others = image.aliases.filter(other => other !== alias && versionOf(other) !== alias);
  if (others.length === 0 || image.fingerprint.startsWith(alias)) await incus.deleteImage(image.fingerprint, signal);
  else await incus.deleteAlias(alias, signal);
}
