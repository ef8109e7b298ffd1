import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { BuildLog } from './build-log.ts';
import type { Phase } from './plan.ts';
import { BUILD_DIRECTORY } from './settings-files.ts';

/** Makes the directory of the file and writes standard input to it. */
const PUT = 'mkdir -p "$(dirname "$1")" && cat >"$1"';

/** Puts the files of a build into the running container, in memory, all at once. */
export async function putFiles(
  incus: Incus,
  container: string,
  files: Iterable<readonly [string, string]>,
  signal: AbortSignal,
): Promise<void> {
  const put = async ([name, stdin]: readonly [string, string]) => {
    const argv = ['sh', '-c', PUT, 'sh', `${BUILD_DIRECTORY}/${name}`];
    const { exitCode, stderr } = await incus.exec(container, argv, { stdin, signal });
    if (exitCode !== 0) throw new Failure('internal', `Writing ${name} into the build container failed: ${stderr}`);
  };
  await Promise.all([...files].map(put));
}

/** Runs one phase as root inside. A failure names the phase, its last words and the file with all of them. */
export async function runPhase(
  incus: Incus,
  container: string,
  phase: Phase,
  log: BuildLog,
  signal: AbortSignal,
): Promise<void> {
  const argv = ['bash', `${BUILD_DIRECTORY}/run.sh`, phase.name];
  const process = await incus.execStream(container, argv, { onStdout: log.output, onStderr: log.output, signal });
  process.end();
  const code = await process.result;
  if (code === 0) return;
  const last = log.tail();
  if (phase.optional === true) log.line(`This step failed with exit code ${code}; going on without it.`);
  else throw phaseFailure(phase, code, last, log.path);
}

function phaseFailure(phase: Phase, code: number, last: readonly string[], path: string): Failure {
  const own = /^(script|command-)/.test(phase.name);
  const kind = own ? 'config' : phase.name === 'network' ? 'timeout' : 'unavailable';
  const words = errorLine(last);
  return new Failure(
    kind,
    `The build failed in the step "${phase.name}" (${phase.title}), exit code ${code}: ${words}`,
    {
      hint: `${nextStep(phase, own, last.join('\n'))} The whole log: ${path}`,
      detail: last.join('\n'),
    },
  );
}

/** The line that says most: the last one that looks like an error and is not the shell's own remark on it. */
function errorLine(last: readonly string[]): string {
  const said = last.filter(line => !/^line \d+ of \S+ failed: |complete log of this run|\/_logs\//.test(line));
  const error = said.findLast(line => /^E: |error|ERR!|unable|cannot|could not|failed|not found/i.test(line));
  return error ?? said.at(-1) ?? last.at(-1) ?? 'it said nothing';
}

function nextStep(phase: Phase, own: boolean, said: string): string {
  if (/No space left on device/i.test(said)) return 'The storage pool is full: make room or enlarge it.';
  if (/certificate/i.test(said)) return 'If your network inspects TLS, set "cafile" in your npm configuration.';
  if (own) return 'Mend the step in [container.build].';
  if (phase.name === 'network')
    return 'Check the bridge of the default profile (a firewall or Docker on the host may block it).';
  return 'Check that packages can be reached from a container, then build again.';
}
