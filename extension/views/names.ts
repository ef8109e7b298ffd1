import type { Folder } from '../model/model.ts';
import { baseName, plain } from './text.ts';

/** Among what a workspace's name has to tell it apart. */
export interface Named {
  readonly slots: readonly { readonly workspace: string; readonly slot: number }[];
  readonly surroundings: { readonly folders: readonly Folder[] };
}

/**
 * What a workspace is called, fit to be shown: as the editor calls the folder, with as much of its place as tells it from the others of that
 * name ("frontend · shop").
 */
export function workspaceName({ slots, surroundings: { folders } }: Named, path: string): string {
  const nameOf = (of: string): string => folders.find(folder => folder.path === of)?.name ?? baseName(of);
  const name = nameOf(path);
  const known = new Set([...folders.map(folder => folder.path), ...slots.map(slot => slot.workspace)]);
  const alike = [...known].filter(of => of !== path && nameOf(of) === name);
  const place = alike.length === 0 ? '' : placeAmong(path, alike);
  return place === '' ? plain(name, 60) : `${plain(name, 60)} · ${plain(place, 60)}`;
}

/** A slot's name in sentences: folder and number. */
export function slotName(named: Named, slot: { readonly workspace: string; readonly slot: number }): string {
  return `${workspaceName(named, slot.workspace)} slot ${slot.slot}`;
}

/** The shortest end of the path above a folder that none of the others has. */
function placeAmong(path: string, others: readonly string[]): string {
  const above = (of: string, parts: number): string =>
    of
      .split('/')
      .slice(-1 - parts, -1)
      .join('/');
  const depth = path.split('/').length;
  for (let parts = 1; parts < depth; parts += 1) {
    const place = above(path, parts);
    if (others.every(other => above(other, parts) !== place)) return place;
  }
  return path;
}
