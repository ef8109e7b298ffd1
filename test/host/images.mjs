// The images of the tests and the base that they and the default image are made from. Made once and kept outside the clone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { distribution, mirror, releaseSources } from './apt.mjs';
import { incus, query } from './incus-cli.mjs';
import { node24, node24Environment, nodeVersion } from './node.mjs';
import { cache, root } from './paths.mjs';
import { asRoot, run } from './shell.mjs';

/** Aliases in Incus. Both images are ours alone: another program's image of that name would be replaced. */
export const aliases = { base: 'incus-agents-base', test: 'incus-agents-test' };

/** Property of an image of ours: what it was made from. */
const property = 'incus-agents.recipe';

/** Agents of the test image, at versions that the tests were written against. */
const agents = [
  '@anthropic-ai/claude-code@2.1.329',
  '@openai/codex@0.169.0',
  'opencode-ai@1.18.33',
  '@google/gemini-cli@0.61.0',
];

/** Packages of the host that making an image takes. */
export const imagePackages = ['debootstrap', 'zstd'];

const recipe = name => path.join(root, 'test/host', `${name}-image.sh`);

/** Changes when the image has to be made again. */
function keyOf(name) {
  const { id, codename } = distribution();
  const parts = [id, codename, process.arch, readFileSync(recipe('base'), 'utf8')];
  if (name === 'test') parts.push(nodeVersion, ...agents, readFileSync(recipe('test'), 'utf8'));
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
}

const archive = name => path.join(cache, 'images', `${name}-${keyOf(name)}.tar.zst`);

/** Whether Incus has it, made by the recipe as it is now. */
function present(name) {
  const alias = query(`/1.0/images/aliases/${aliases[name]}`);
  const image = alias && query(`/1.0/images/${alias.target}`);
  return image?.properties?.[property] === keyOf(name);
}

/**
 * @param {'base' | 'test'} name
 * @returns {import('./plan.mjs').Step}
 */
export function imageStep(name) {
  const what =
    name === 'base' ? `base image ${aliases.base}` : `image of the tests, ${aliases.test}, with the agents from npm`;
  return {
    title: `make the ${what}`,
    root: true,
    missing: () => !present(name),
    make: () => {
      if (!existsSync(archive(name))) build(name);
      importImage(name);
    },
  };
}

function build(name) {
  if (name === 'test' && !existsSync(archive('base'))) build('base');
  mkdirSync(path.join(cache, 'images'), { recursive: true });
  const work = mkdtempSync(path.join(tmpdir(), 'incus-agents-image-'));
  try {
    // Root's programs, and npm as the user has set it up; what root's npm caches stays out of the user's home.
    const env = { ...node24Environment(), npm_config_userconfig: path.join(homedir(), '.npmrc') };
    const sets = [`PATH=${env.PATH}:/usr/sbin:/sbin`, `npm_config_userconfig=${env.npm_config_userconfig}`];
    run(asRoot(['env', ...sets, 'bash', recipe(name), archive(name), ...recipeArguments(name, work)]), { env });
    run(asRoot(['chown', `${userInfo().uid}`, archive(name)]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  forgetOlder(name);
}

function recipeArguments(name, work) {
  if (name === 'test') return [archive('base'), node24(), ...agents];
  const sources = path.join(work, 'sources.list');
  writeFileSync(sources, releaseSources());
  return [distribution().codename, mirror(), sources];
}

function forgetOlder(name) {
  const folder = path.join(cache, 'images');
  for (const file of readdirSync(folder)) {
    if (file.startsWith(`${name}-`) && path.join(folder, file) !== archive(name)) rmSync(path.join(folder, file));
  }
}

/** The alias moves only once the new image is there, so that nobody finds it missing. */
function importImage(name) {
  const target = createHash('sha256')
    .update(readFileSync(archive(name)))
    .digest('hex'); // Incus names images by this
  const old = query(`/1.0/images/aliases/${aliases[name]}`)?.target;
  if (!query(`/1.0/images/${target}`)) incus(['image', 'import', archive(name)]);
  incus(['image', 'set-property', target, property, keyOf(name)]);
  if (!old) incus(['image', 'alias', 'create', aliases[name], target]);
  else incus(['query', '-X', 'PUT', '-d', JSON.stringify({ target }), `/1.0/images/aliases/${aliases[name]}`]);
  if (old && old !== target && query(`/1.0/images/${old}`)?.properties?.[property]) incus(['image', 'delete', old]);
}
