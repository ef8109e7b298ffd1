import { join } from 'node:path';
import { type Log, silentLog } from '../../server/base/log.ts';
import { Serial } from '../../server/base/serial.ts';
import { takeMutex } from '../../server/connections/place.ts';
import { buildImage } from '../../server/images/build.ts';
import { readBuildScripts } from '../../server/images/scripts.ts';
import type { BuildDeps, BuildResult, Recipe } from '../../server/images/types.ts';
import type { Incus } from '../../server/incus/client.ts';
import type { Progress } from '../../server/protocol/types.ts';
import { readHostSettings } from '../../server/registries/settings.ts';
import { uniqueName } from './support.ts';

/** Alias of a base that is nothing but systemd and a network. */
export const BASE = process.env.INCUS_AGENTS_BASE_IMAGE ?? 'incus-agents-base';

/** Counts as a living backend until the end, so that no backend that another test starts cleans up behind this one. */
export async function livingBackend(t: { after(end: () => void): void }): Promise<string> {
  const key = uniqueName('ia-backend');
  const mutex = await takeMutex(key);
  t.after(() => mutex?.close());
  return key;
}

/** What a build in a test works with; `home` takes the place of the user's, but for the user's configuration of npm. */
export async function buildDeps(
  incus: Incus,
  home: string,
  backendKey: string,
  log: Log = silentLog,
): Promise<BuildDeps> {
  const scripts = await readBuildScripts(join(import.meta.dirname, '../../media/image'));
  return { incus, log, scripts, home, backendKey, underWay: new Set(), serial: new Serial() };
}

/** A build under way, with all that it told. */
export interface Build {
  result: Promise<BuildResult>;
  told: Progress[];
  cancel(): void;
}

/** Starts a build. The result is not lost when a test looks at it later. */
export function startBuild(
  deps: BuildDeps,
  recipe: Recipe,
  onProgress: (p: Progress) => void = () => undefined,
): Build {
  const control = new AbortController();
  const told: Progress[] = [];
  const report = (progress: Progress) => {
    told.push(progress);
    onProgress(progress);
  };
  const result = readHostSettings(deps.home).then(host =>
    buildImage(deps, { ...recipe, host, signal: control.signal, onProgress: report }),
  );
  result.catch(() => undefined);
  return { result, told, cancel: () => control.abort() };
}

/** Removes every image with the alias, or a dated one of it. */
export async function removeImages(incus: Incus, alias: string): Promise<void> {
  for (const image of await incus.images()) {
    const ours = image.aliases.some(name => name === alias || name.startsWith(`${alias}-2`));
    if (ours) await incus.deleteImage(image.fingerprint);
  }
}
