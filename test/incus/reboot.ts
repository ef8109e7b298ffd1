import assert from 'node:assert/strict';
import { messageOf } from '../../server/base/errors.ts';
import type { Incus } from '../../server/incus/client.ts';
import { until } from './support.ts';

/** Longest (ms) that one reboot may take. */
const LIMIT = 120_000;

/** Asked for again when so long (ms) nothing has come of it. */
const ASKED_FOR = 20_000;

/** So long (ms) a container is stopped before Incus is taken to have lost its reboot: it waits some 10 s for a program of its own. */
const STOPPED_FOR = 25_000;

/** How many reboots Incus may lose. */
const LOSSES = 2;

/** When the first process began, which each start makes another value; its number on the host is not known inside. */
const BORN = `sed 's/.*) //' /proc/1/stat | cut -d' ' -f20`;

export interface RebootOptions {
  /** What asks for the first one; at once and without the system inside if it is not given. */
  command?: string;
  /** Whether the start that belongs to it was refused. */
  refused?: () => boolean;
}

/**
 * Has root inside reboot a container, and waits until it runs again or its start was refused. Where Incus sees the end of the container
 * and starts nothing, it is started from here and rebooted once more. A failure tells all that was said and seen.
 */
export async function rebootInside(incus: Incus, container: string, o: RebootOptions = {}): Promise<'up' | 'refused'> {
  const seen = new History();
  for (let losses = 0; ; losses++) {
    const found = await reboot(incus, container, o, seen);
    if (found !== 'lost') return found;
    console.error(`A reboot inside ${container} was lost: ${seen}`);
    assert.ok(losses < LOSSES, `${container} stays stopped after a reboot inside: ${seen}`);
    try {
      await incus.setState(container, 'start');
    } catch (error) {
      if (o.refused?.() === true) return 'refused';
      throw new Error(`After a reboot inside ${container} cannot be started: ${seen}`, { cause: error });
    }
  }
}

async function reboot(incus: Incus, container: string, o: RebootOptions, seen: History) {
  const { pid } = await incus.instanceState(container);
  // What is repeated, here or where Incus says of a command that it never ran, must not reboot what has just come up.
  const born = (await inside(incus, container, BORN)).trim();
  assert.match(born, /^\d+$/, `The first process in ${container} does not say when it began.`);
  const ask = (command: string) => {
    const asking = inside(incus, container, `[ "$(${BORN})" != ${born} ] || { ${command}; } 2>&1`);
    void asking.catch(messageOf).then(said => seen.add(`\`${command}\` said "${said.trim()}"`));
    return performance.now();
  };
  let asked = ask(o.command ?? 'reboot -ff');
  let stopped: number | undefined;
  const look = async () => {
    if (o.refused?.() === true) return 'refused';
    // On its way down and up Incus sometimes has no answer.
    const now = await incus.instanceState(container).catch(messageOf);
    if (typeof now === 'string') return seen.add(now);
    seen.add(`${now.status}, ${now.pid === pid ? 'the process as before' : `process ${now.pid}`}`);
    if (now.running && now.pid > 0 && now.pid !== pid) return 'up';
    stopped = now.running ? undefined : (stopped ?? performance.now());
    if (stopped !== undefined) return performance.now() - stopped > STOPPED_FOR && 'lost';
    if (performance.now() - asked > ASKED_FOR) asked = ask('reboot -ff');
    return undefined;
  };
  return until(() => `${container} came up again after a reboot inside: ${seen}`, look, LIMIT);
}

async function inside(incus: Incus, container: string, script: string): Promise<string> {
  const { stdout, exitCode } = await incus.exec(container, ['/bin/sh', '-c', script], { user: 0, group: 0 });
  return exitCode === 0 ? stdout.toString() : `${stdout} (exit code ${exitCode})`;
}

/** What was said and seen, each with the seconds since the beginning; nothing twice in a row. */
class History {
  readonly #began = performance.now();
  readonly #lines: string[] = [];
  #last = '';

  add(text: string): undefined {
    if (text === this.#last) return;
    this.#last = text;
    this.#lines.push(`${((performance.now() - this.#began) / 1000).toFixed(1)} s ${text}`);
  }

  toString(): string {
    return this.#lines.join('; ');
  }
}
