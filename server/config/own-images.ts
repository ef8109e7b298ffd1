import type { Layer } from './layer.ts';
import { specOf } from './schema.ts';

const KEY = 'container.image';

/**
 * Marks the images that the user's own files, profiles and settings name, wherever they stand: a project that names one of them asks
 * for nothing new.
 */
export function markOwnImages(layers: readonly Layer[]): void {
  const images = layers.flatMap(layer => layer.entries.get(KEY) ?? []);
  const own = layers.filter(layer => !layer.project).map(layer => layer.entries.get(KEY)?.value);
  const known = new Set([specOf(KEY).default, ...own]);
  for (const entry of images) if (known.has(entry.value)) entry.known = true;
}
