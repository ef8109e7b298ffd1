/** One figure: what was measured, against which bar. */
export interface Row {
  what: string;
  value: number;
  unit: string;
  bar: number;
  detail: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** "12 (10 to 20)": median, least and most, in milliseconds. */
export function spread(values: readonly number[]): string {
  return `${Math.round(median(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}) ms`;
}

/** Prints a row at once, so that a long run shows what it has. One that misses its bar makes the whole run fail at its end. */
export function print(row: Row): void {
  const verdict = row.value <= row.bar ? 'ok  ' : 'MISS';
  if (verdict === 'MISS') process.exitCode = 1;
  const figure = `${Number(row.value.toFixed(2))}${row.unit}`;
  console.log(
    `${verdict} ${row.what.padEnd(46)} ${figure.padStart(10)}  bar ${`${row.bar}${row.unit}`.padEnd(8)} ${row.detail}`,
  );
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Runs two things in turn, A B A B …, after one uncounted round. */
export async function paired(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<{ a: number[]; b: number[] }> {
  await a();
  await b();
  const times = { a: [] as number[], b: [] as number[] };
  for (let i = 0; i < rounds; i++) {
    times.a.push(await a());
    times.b.push(await b());
  }
  return times;
}
