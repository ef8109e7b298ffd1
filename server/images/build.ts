import { randomUUID } from 'node:crypto';
import { Failure, isCancelled, messageOf } from '../base/errors.ts';
import { IncusError } from '../incus/errors.ts';
import { packageOf } from './agents.ts';
import { type Base, defaultBase, resolveBase } from './base.ts';
import { BuildLog } from './build-log.ts';
import { type CheckedRecipe, checkRecipe } from './check.ts';
import { type BuildContainer, buildContainerName, createBuildContainer, removeBuildContainer } from './container.ts';
import { noteBuild } from './meta.ts';
import { makePlan, type Plan } from './plan.ts';
import { probe } from './probe.ts';
import { agentsOf } from './properties.ts';
import { publishBuild } from './publish.ts';
import { readRemotes } from './remotes.ts';
import { putFiles, runPhase } from './run.ts';
import { settingsFiles } from './settings-files.ts';
import type { BuildDeps, BuildRequest, BuildResult } from './types.ts';
import { agentVersions } from './versions.ts';
import { warmImage } from './warm.ts';

/** Percent of a build that is done when the container is looked at, when its phases are, and when the image is. */
const STARTED = 6;
const PREPARED = 75;
const PUBLISHED = 95;

/** Seconds that a network may take to come up, and versions of Node.js: what is good enough, and what is installed. */
const LIMITS = { NETWORK_TIMEOUT: '60', NODE_MINIMUM: '22', NODE_MAJOR: '24' };

/**
 * Builds an image: a container from the base, the phases in it, the image from it. Whatever happens, the container is gone
 * afterwards; after a failure or an abort so is everything else. Failures: `conflict` when this alias is being built already,
 * `not-found` for the base, `config` for the recipe and its own script, `timeout` without a network, `unavailable` for what could
 * not be fetched. Those of a step name it and the file of the whole log.
 */
export async function buildImage(deps: BuildDeps, request: BuildRequest): Promise<BuildResult> {
  refuseCancelled(request.signal);
  const recipe = await checkRecipe(request);
  const name = request.base ?? defaultBase(request.host.distribution);
  const base = await resolveBase(deps.incus, name, await readRemotes(deps.home), request.signal);
  const log = new BuildLog(deps.home, request.alias, request.onProgress);
  const id = randomUUID();
  deps.underWay.add(id);
  try {
    const fingerprint = await inContainer(deps, { id, request, recipe, base, log });
    const meta = { built_at: new Date().toISOString(), base_image: base.name };
    await noteBuild(deps, request.alias, meta);
    log.phase('done', `The image ${request.alias} is ready`, 100);
    return { alias: request.alias, fingerprint };
  } catch (error) {
    log.line(`The build of ${request.alias} ended: ${messageOf(error)}`);
    throw located(error, request, log);
  } finally {
    deps.underWay.delete(id);
    log.close();
  }
}

interface Work {
  id: string;
  request: BuildRequest;
  recipe: CheckedRecipe;
  base: Base;
  log: BuildLog;
}

async function inContainer(deps: BuildDeps, work: Work): Promise<string> {
  const container = await start(deps, work);
  try {
    const plan = await prepare(deps, container, work);
    const versions = await agentVersions(deps.incus, container.name, plan.agents, work.request.signal);
    return await publish(deps, container, { agents: plan.agents, versions }, work);
  } finally {
    // What the build came to is what counts; what the removal says is for the log, and the next start of the backend tries again.
    await removeBuildContainer(deps.incus, container.name).catch((failure: unknown) => {
      deps.log.error(`Removing the build container ${container.name} failed: ${messageOf(failure)}`);
    });
  }
}

async function start(deps: BuildDeps, { id, request, base, log }: Work): Promise<BuildContainer> {
  log.phase('base', `Creating a container from ${base.name}`, 0);
  const creating = createBuildContainer(deps.incus, {
    name: buildContainerName(request.alias),
    id,
    alias: request.alias,
    source: base.source,
    backendKey: deps.backendKey,
    docker: request.docker !== false,
    start: true,
    signal: request.signal,
    onProgress: text => log.detail(text),
    ...(request.pool === undefined || request.pool === '' ? {} : { pool: request.pool }),
  });
  return creating.catch((error: unknown) => {
    if (!(error instanceof IncusError) || error.reason !== 'no-image') throw error;
    throw new Failure('not-found', `There is no base image "${base.name}": ${error.message}`, {
      hint: 'Name one that the server has: incus image list REMOTE:',
      cause: error,
    });
  });
}

async function prepare(deps: BuildDeps, container: BuildContainer, work: Work): Promise<Plan> {
  const { request, base, log } = work;
  log.phase('boot', 'Waiting for the container to boot', STARTED);
  const found = await probe(deps.incus, container.name, base.name, request.signal);
  const plan = makePlan(request, found, agentsOf(base.image?.properties ?? {}) ?? []);
  await putFiles(deps.incus, container.name, buildFiles(deps, plan, work), request.signal);
  const total = plan.phases.reduce((sum, phase) => sum + phase.weight, 0);
  let done = 0;
  for (const phase of plan.phases) {
    refuseCancelled(request.signal);
    log.phase(phase.name, phase.title, Math.round(STARTED + ((PREPARED - STARTED) * done) / total));
    await runPhase(deps.incus, container.name, phase, log, request.signal);
    done += phase.weight;
  }
  return plan;
}

function buildFiles(deps: BuildDeps, plan: Plan, { request, recipe }: Work): Map<string, string> {
  const variables = {
    ...LIMITS,
    AGENTS: plan.install.join(' '),
    PACKAGES: plan.install.map(packageOf).join(' '),
    CLOUD_INIT: String(request.cloudInit === true),
  };
  const commands = (request.commands ?? []).map((text, i): [string, string] => [
    `command-${i + 1}`,
    `set -e\n${text}\n`,
  ]);
  const script: [string, string][] = recipe.script === undefined ? [] : [['script', recipe.script]];
  return new Map([...deps.scripts, ...settingsFiles(request.host, variables), ...script, ...commands]);
}

async function publish(
  deps: BuildDeps,
  container: BuildContainer,
  inside: { agents: readonly string[]; versions: Readonly<Record<string, string>> },
  work: Work,
): Promise<string> {
  const { id, request, recipe, base, log } = work;
  const { alias, signal } = request;
  log.phase('publish', 'Packing the image', PREPARED);
  const pool = (await deps.incus.instance(container.name, signal))?.instance.expandedDevices.root?.pool;
  await deps.incus.setState(container.name, 'stop', { force: true, signal });
  return publishBuild(deps.incus, container, {
    alias,
    base: base.name,
    ...inside,
    signal,
    onProgress: text => log.detail(text),
    packed: fingerprint => {
      log.phase('warm', 'Unpacking the image for the first slot', PUBLISHED);
      return warmImage(deps, { id, alias, fingerprint, pool, signal });
    },
    ...(recipe.compression === undefined ? {} : { compression: recipe.compression }),
  });
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new Failure('cancelled', 'The build of the image was cancelled.');
}

/** An abort is always the same words; anything else that is no step's failure learns where the log is. */
function located(error: unknown, request: BuildRequest, log: BuildLog): unknown {
  if (request.signal.aborted || isCancelled(error)) {
    return new Failure('cancelled', `The build of ${request.alias} was cancelled; nothing of it is left.`, {
      cause: error,
    });
  }
  if (!(error instanceof Failure) || error.hint?.includes(log.path) === true) return error;
  const hint = [error.hint, `The whole log: ${log.path}`].filter(part => part !== undefined).join(' ');
  return new Failure(error.kind, `Building ${request.alias} failed: ${error.message}`, {
    hint,
    cause: error,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  });
}
