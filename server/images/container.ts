import { createHash } from 'node:crypto';
import { Failure, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { whenFree } from '../incus/busy.ts';
import type { Incus } from '../incus/client.ts';
import type { Devices } from '../incus/types/config.ts';
import type { InstanceSource } from '../incus/types/instance.ts';
import type { OnProgress } from '../incus/types/operation.ts';
import { BACKEND_KEY, BUILD_ID_KEY, BUILD_KEY, BUILD_PROPERTY } from './properties.ts';

/** The container in which one image is built. */
export interface BuildContainer {
  name: string;
  /** Tells this build from others of the same alias. */
  id: string;
}

/** The name that only one build of an alias can have at a time: Incus itself refuses a second one. */
export function buildContainerName(alias: string): string {
  return `coi-build-${createHash('sha256').update(alias).digest('hex').slice(0, 8)}`;
}

/** The name of the one for which the pool unpacks the image that a build has made. */
export function warmContainerName(alias: string): string {
  return `${buildContainerName(alias)}-warm`;
}

export interface BuildContainerOptions {
  name: string;
  id: string;
  alias: string;
  source: InstanceSource;
  backendKey: string;
  docker: boolean;
  pool?: string;
  start: boolean;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** Creates (and starts) the container of a build. One that exists: `conflict`. A failure leaves nothing behind. */
export async function createBuildContainer(incus: Incus, o: BuildContainerOptions): Promise<BuildContainer> {
  const container = { name: o.name, id: o.id };
  const config = {
    [BUILD_KEY]: o.alias,
    [BUILD_ID_KEY]: container.id,
    [BACKEND_KEY]: o.backendKey,
    'security.guestapi': 'false',
    ...(o.docker ? { 'security.nesting': 'true' } : {}),
  };
  const devices: Devices = o.pool === undefined ? {} : { root: { type: 'disk', path: '/', pool: o.pool } };
  try {
    await incus.createInstance(
      { name: container.name, source: o.source, config, devices, start: o.start },
      { signal: o.signal, onProgress: o.onProgress },
    );
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'conflict')) throw error;
    throw new Failure('conflict', `The image ${o.alias} is being built already (in the container ${container.name}).`, {
      hint: `Wait for it. If no build runs: incus delete --force ${container.name}`,
      cause: error,
    });
  }
  return container;
}

/** Stops and deletes a build's container; none is a success. Not to be cancelled: it is the cleaning up. */
export async function removeBuildContainer(incus: Incus, name: string): Promise<void> {
  const found = await incus.instance(name);
  if (found === undefined) return;
  if (found.instance.running || found.instance.frozen)
    await whenFree(() => incus.setState(name, 'stop', { force: true }));
  await whenFree(() => incus.deleteInstance(name));
}

/** Removes the images of a build that did not get as far as its alias. */
async function removeUnfinishedImages(incus: Incus, id: string, alias: string): Promise<void> {
  const finished = await incus.imageAlias(alias);
  for (const image of await incus.images()) {
    const ours = image.properties[BUILD_PROPERTY] === id;
    if (ours && image.fingerprint !== finished?.fingerprint) await incus.deleteImage(image.fingerprint);
  }
}

/** Who asks for a clean-up, and who is known to live. */
export interface CleanupDeps {
  incus: Incus;
  log: Log;
  backendKey: string;
  underWay: ReadonlySet<string>;
  backendAlive(key: string): Promise<boolean>;
}

/**
 * Removes what builds of dead backends left: their containers and half-made images. Gives the aliases whose builds were undone; what
 * could not be removed is logged.
 */
export async function cleanupBuilds(deps: CleanupDeps): Promise<string[]> {
  const undone: string[] = [];
  for (const { name, config } of await deps.incus.instances()) {
    const alias = config[BUILD_KEY];
    const backend = config[BACKEND_KEY] ?? '';
    if (alias === undefined || ![buildContainerName(alias), warmContainerName(alias)].includes(name)) continue;
    if (deps.underWay.has(config[BUILD_ID_KEY] ?? '')) continue;
    if (backend !== deps.backendKey && (await deps.backendAlive(backend))) continue;
    try {
      await operationsOf(deps.incus, name);
      await removeUnfinishedImages(deps.incus, config[BUILD_ID_KEY] ?? '', alias);
      await removeBuildContainer(deps.incus, name);
      undone.push(alias);
    } catch (error) {
      deps.log.error(`The unfinished build container ${name} could not be removed: ${messageOf(error)}`);
    }
  }
  return undone;
}

/** Waits for what Incus still does with the instance: packing an image cannot be cancelled and outlives the backend. */
async function operationsOf(incus: Incus, name: string): Promise<void> {
  for (const operation of await incus.operations()) {
    if (operation.instances.includes(name)) await settled(incus.wait(`/1.0/operations/${operation.id}`));
  }
}

/** Its failure is its own: only the end matters here. */
async function settled(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => undefined,
    () => undefined,
  );
}
