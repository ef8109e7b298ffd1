/** Whether version `a` is newer than `b` (major.minor.patch; a pre-release comes before its release). */
export function isNewer(a: string, b: string): boolean {
  const left = parse(a);
  const right = parse(b);
  for (const [i, number] of left.numbers.entries()) {
    const other = right.numbers[i] ?? 0;
    if (number !== other) return number > other;
  }
  if (left.suffix === right.suffix) return false;
  if (left.suffix === '' || right.suffix === '') return left.suffix === '';
  return left.suffix > right.suffix;
}

function parse(version: string): { numbers: [number, number, number]; suffix: string } {
  const [, major, minor, patch, suffix = ''] = /^(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?/.exec(version) ?? [];
  return { numbers: [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)], suffix };
}
