import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

const ROOT = '/sys/fs/cgroup';

/** What the host's kernel can limit. */
export interface KernelSupport {
  /** By the name of a controller, or `weights of disks`. Where nothing can be told, everything counts as there. */
  has(controller: string): boolean;
  /** CPUs, numbered from 0. */
  cpus: number;
}

/** Looks which control groups the kernel has, in either version. */
export async function kernelSupport(): Promise<KernelSupport> {
  const [unified, old, names] = await Promise.all([
    readFile(`${ROOT}/cgroup.controllers`, 'utf8').catch(() => undefined),
    readFile('/proc/cgroups', 'utf8').catch(() => undefined),
    readdir(ROOT).catch(() => []),
  ]);
  const found = unified === undefined ? mounted(old, names) : new Set(unified.trim().split(' '));
  if (found.size > 0 && (await hasWeights(unified !== undefined, names))) found.add('weights of disks');
  return { has: controller => found.size === 0 || found.has(controller), cpus: cpus().length };
}

/** Version 1: those that are enabled and mounted where everybody looks. */
function mounted(text: string | undefined, names: readonly string[]): Set<string> {
  const enabled = (text ?? '').split('\n').flatMap(line => {
    const [name = '', , , on] = line.split('\t');
    return on === '1' && names.includes(name) ? [name] : [];
  });
  return new Set(enabled);
}

/** Weights of disks depend on the scheduler of the disks, so the file is looked for. In version 2 the root has none. */
async function hasWeights(unified: boolean, names: readonly string[]): Promise<boolean> {
  const places = unified ? names.map(name => `${ROOT}/${name}/io.weight`) : [`${ROOT}/blkio/blkio.weight`];
  const found = await Promise.all(
    places.map(place =>
      readFile(place).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
