import { Failure } from '../base/errors.ts';
import { DEFAULT_AGENTS, wantedAgents } from './agents.ts';
import type { Probe } from './probe.ts';
import type { Recipe } from './types.ts';

/** One step of a build. */
export interface Phase {
  /** Name of the script, "script" or "command-N"; also what an error names. */
  name: string;
  title: string;
  /** Share of the time, roughly. */
  weight: number;
  /** A failure of it does not end the build: what needs it will fail, and say so. */
  optional?: boolean;
}

const NETWORK: Phase = { name: 'network', title: 'Waiting for the network', weight: 1 };
const PACKAGES: Phase = { name: 'packages', title: 'Installing base packages', weight: 18 };
const USER: Phase = { name: 'user', title: 'Setting up the user code', weight: 1 };
const DOCKER: Phase = { name: 'docker', title: 'Installing Docker and Podman', weight: 16 };
const NODE: Phase = { name: 'node', title: 'Installing Node.js', weight: 12 };
const FINISH: Phase = { name: 'finish', title: 'Cleaning up', weight: 1 };

/** What a build does inside the container. */
export interface Plan {
  phases: Phase[];
  /** Agents to install. */
  install: string[];
  /** Agents that the image has afterwards, as far as is known. */
  agents: string[];
}

/**
 * The phases for a recipe on a base. A base that already has what a slot needs gets only what is missing: the agents that were
 * asked for, the script and the commands.
 */
export function makePlan(recipe: Recipe, base: Probe, baseAgents: readonly string[]): Plan {
  const wanted = wantedAgents(recipe.agents, base.prepared ? [] : DEFAULT_AGENTS);
  const install = wanted.filter(agent => !base.agents.includes(agent));
  const agents = [...new Set([...baseAgents, ...base.agents, ...wanted])];
  const own = ownPhases(recipe);
  const phases: Phase[] = base.prepared ? [] : [NETWORK, PACKAGES, USER];
  if (!base.prepared && !base.apt) throw foreign();
  if (base.prepared && install.length + own.length > 0) phases.push({ ...NETWORK, optional: install.length === 0 });
  if (!base.prepared && recipe.docker !== false) phases.push(DOCKER);
  if (install.length > 0) phases.push(NODE, agentsPhase(install));
  return { phases: [...phases, ...own, FINISH], install, agents };
}

function agentsPhase(install: readonly string[]): Phase {
  return { name: 'agents', title: `Installing ${install.join(', ')}`, weight: 6 * install.length };
}

function ownPhases(recipe: Recipe): Phase[] {
  const script = recipe.script === undefined ? [] : [{ name: 'script', title: `Running ${recipe.script}`, weight: 15 }];
  const commands = (recipe.commands ?? []).map((command, i) => ({
    name: `command-${i + 1}`,
    title: `Running ${command.split('\n')[0] ?? ''}`,
    weight: 5,
  }));
  return [...script, ...commands];
}

function foreign(): Failure {
  return new Failure('config', 'The base image has no apt-get: images are built from Debian and Ubuntu.', {
    hint: 'Choose another base, or one that already has bash, tmux, git, sudo and the user code.',
  });
}
