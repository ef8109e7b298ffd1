import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ids of the processes whose environment has this home: everything that a server of ours has started, detached or not. */
export function processesWithHome(home: string): number[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .filter(entry => read(`/proc/${entry}/environ`).split('\0').includes(`HOME=${home}`))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // ended meanwhile, or somebody else's
  }
}

/** Ends all of them: politely first, then for good. */
export async function endProcessesWithHome(home: string): Promise<void> {
  const end = Date.now() + 15_000;
  for (let signal: NodeJS.Signals = 'SIGTERM'; ; ) {
    const running = processesWithHome(home);
    if (running.length === 0) return;
    for (const pid of running) send(pid, signal);
    await sleep(100);
    if (Date.now() > end) signal = 'SIGKILL';
    if (Date.now() > end + 30_000) throw new Error(`Processes of ${home} do not end: ${running.join(' ')}`);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ended by itself
  }
}
