import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../protocol/types.ts';

/** Logs of builds that are kept, the newest ones. */
const KEPT = 10;
/** Lines of the end that an error shows. */
const TAIL = 20;

/** What a build says: every line to a file, the last ones for an error, and all of it to the client as progress. */
export class BuildLog {
  readonly path: string;
  readonly #file: number;
  readonly #report: (progress: Progress) => void;
  #tail: string[] = [];
  #phase: Progress = { phase: 'start' };
  #rest = '';

  constructor(home: string, name: string, report: (progress: Progress) => void) {
    const directory = join(home, '.coi', 'logs');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    dropOld(directory);
    const time = new Date().toISOString().replace(/[-:]/g, '').slice(0, 15).replace('T', '-');
    this.path = join(directory, `build-${time}-${name.replace(/[^\w.-]/g, '_')}.log`);
    this.#file = openSync(this.path, 'a', 0o600);
    this.#report = report;
  }

  /** Begins a phase; `percent` of the whole build is done. */
  phase(phase: string, message: string, percent: number): void {
    this.#flush();
    this.#tail = [];
    this.#phase = { phase, message, percent };
    appendFileSync(this.#file, `## ${new Date().toISOString()} ${phase}: ${message}\n`);
    this.#report(this.#phase);
  }

  /** A sign of life that is no line of output, such as the megabytes of a download. */
  detail(message: string): void {
    this.#report({ ...this.#phase, message });
  }

  /** Output from inside. It is text of a container: control characters are taken out. */
  readonly output = (chunk: Buffer): void => {
    const lines = (this.#rest + chunk.toString('utf8')).split(/\r?\n|\r/);
    this.#rest = lines.pop() ?? '';
    this.#lines(lines);
  };

  /** A line of our own. */
  line(text: string): void {
    this.#flush();
    this.#lines([text]);
  }

  /** The last lines of the phase. */
  tail(): string[] {
    this.#flush();
    return this.#tail;
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    const rest = this.#rest;
    this.#rest = '';
    if (rest !== '') this.#lines([rest]);
  }

  #lines(raw: readonly string[]): void {
    const lines = raw.map(printable).filter(line => line.trim() !== '');
    if (lines.length === 0) return;
    appendFileSync(this.#file, `${lines.join('\n')}\n`);
    this.#tail = [...this.#tail, ...lines].slice(-TAIL);
    this.#report({ ...this.#phase, log: lines.join('\n') });
  }
}

function printable(line: string): string {
  return line
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '');
}

function dropOld(directory: string): void {
  const logs = readdirSync(directory).filter(name => /^build-\d{8}-\d{6}-.*\.log$/.test(name));
  for (const name of logs.toSorted().slice(0, Math.max(0, logs.length - KEPT + 1))) unlinkSync(join(directory, name));
}
