import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

/** The part of a test's context that the table needs. */
type Ending = Pick<TestContext, 'after'>;

interface Line {
  attack: string;
  as: string;
  result: string;
}

/** What came out, one line per attack; printed when the test that owns it ends. */
export class Table {
  readonly #title: string;
  readonly #lines: Line[] = [];

  constructor(t: Ending, title: string) {
    this.#title = title;
    t.after(() => this.print());
  }

  /** Notes how an attack ended and fails unless it was held; `broken` says what it reached. */
  held(attack: string, as: string, broken: string | undefined): void {
    this.#lines.push({ attack, as, result: broken === undefined ? 'held' : `BROKEN: ${broken}` });
    assert.equal(broken, undefined, `${attack}, as ${as}`);
  }

  /** Notes that an attack works where nothing stands against it, without which "held" would mean nothing. */
  control(attack: string, as: string, broken: string | undefined): void {
    assert.notEqual(broken, undefined, `the control shows nothing: ${attack}, as ${as}`);
  }

  print(): void {
    const width = Math.max(0, ...this.#lines.map(line => line.attack.length));
    const rows = this.#lines.map(line => `  ${line.attack.padEnd(width)}  ${line.as.padEnd(4)}  → ${line.result}`);
    if (rows.length > 0) console.log([this.#title, ...rows].join('\n'));
  }
}
