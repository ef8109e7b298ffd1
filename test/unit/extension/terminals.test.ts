import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { keyFromCommandLine } from '../../../extension/terminals/marker.ts';
import { asOpened, findPaths, toContainerPath, toHostPath } from '../../../extension/terminals/paths.ts';
import { isSeen } from '../../../extension/terminals/seen.ts';
import { shellLine, shellLineIn } from '../../../extension/terminals/shellLine.ts';

const MOUNTS = [
  { source: '/home/me/project', path: '/workspace', readonly: false },
  { source: '/data/cache', path: '/workspace/cache', readonly: true },
];

describe('the marker of a terminal', () => {
  it('is read from a command line', () => {
    const line = ['/bin/sh', '-c', 'script', 'INCUS_AGENTS_TERMINAL=coi-0a1b2c3d-12/shell', 'incus', ''].join('\0');
    assert.deepEqual(keyFromCommandLine(line), { container: 'coi-0a1b2c3d-12', kind: 'shell' });
  });

  it('is nothing else', () => {
    assert.equal(keyFromCommandLine('bash\0'), undefined);
    assert.equal(keyFromCommandLine('echo INCUS_AGENTS_TERMINAL=a/shell'), undefined);
    assert.equal(keyFromCommandLine('INCUS_AGENTS_TERMINAL=../x/shell'), undefined);
    assert.equal(keyFromCommandLine('INCUS_AGENTS_TERMINAL=a/other'), undefined);
  });
});

describe('paths in a line', () => {
  const paths = (line: string) => findPaths(line).map(({ path, line: at, column }) => [path, at, column]);

  it('are found with their places', () => {
    assert.deepEqual(paths('at /workspace/src/a.ts:3:5'), [['/workspace/src/a.ts', 3, 5]]);
    assert.deepEqual(paths('  --> src/main.rs:10'), [['src/main.rs', 10, undefined]]);
    assert.deepEqual(paths('a.ts(7,2): error TS1'), [['a.ts', 7, 2]]);
    assert.deepEqual(paths('File "/workspace/a.py", line 12'), [['/workspace/a.py', 12, undefined]]);
    assert.deepEqual(paths('see src/übung.ts.'), [['src/übung.ts', undefined, undefined]]);
  });

  it('may have brackets and, in quotes, blanks: the longest comes first', () => {
    const first = (line: string) => paths(line)[0];
    assert.deepEqual(first('app/[id]/page.tsx:3'), ['app/[id]/page.tsx', 3, undefined]);
    assert.deepEqual(first('(app/[[...all]]/page.tsx:3:5)'), ['app/[[...all]]/page.tsx', 3, 5]);
    assert.deepEqual(first('app/(auth)/page.tsx(7,2)'), ['app/(auth)/page.tsx', 7, 2]);
    assert.deepEqual(first('"/workspace/my dir/a.ts":3'), ['/workspace/my dir/a.ts', 3, undefined]);
    assert.deepEqual(first("don't read 'my dir/a.ts:4'"), ['my dir/a.ts', 4, undefined]);
    assert.deepEqual(first('File "/workspace/my dir/a.py", line 12'), ['/workspace/my dir/a.py', 12, undefined]);
    assert.deepEqual(
      paths('● Update(src/a.ts)').map(([path]) => path),
      ['Update(src/a.ts)', 'src/a.ts'],
    );
    assert.deepEqual(first('● Update(app/(auth)/[id].tsx)'), ['app/(auth)/[id].tsx', undefined, undefined]);
  });

  it('are found in a moment in whatever a program prints', () => {
    const before = performance.now();
    for (const part of ['(', '[[', '(a', '"a ', "'/ ", 'a/(b)', '/a/b ']) findPaths(part.repeat(4000 / part.length));
    assert.ok(performance.now() - before < 1000);
  });

  it('know where they stand', () => {
    const quoted = findPaths('in "my dir/a.ts":3.')[0];
    assert.equal(
      'in "my dir/a.ts":3.'.slice(quoted?.start, (quoted?.start ?? 0) + (quoted?.length ?? 0)),
      'my dir/a.ts":3',
    );
    const [found] = findPaths('see src/a.ts:3 now');
    assert.equal('see src/a.ts:3 now'.slice(found?.start, (found?.start ?? 0) + (found?.length ?? 0)), 'src/a.ts:3');
  });

  it('are not seen in prose, addresses and huge lines', () => {
    assert.deepEqual(paths('just words. And more.'), []);
    assert.deepEqual(paths('https://example.com/a'), []);
    assert.deepEqual(paths('/a/b '.repeat(2000)), []);
  });
});

describe('paths of a container', () => {
  it('lead to the host through the deepest mount', () => {
    assert.equal(toHostPath('/workspace/src/a.ts', MOUNTS, '/home/me/project')?.path, '/home/me/project/src/a.ts');
    assert.equal(toHostPath('src/a.ts', MOUNTS, '/home/me/project')?.path, '/home/me/project/src/a.ts');
    assert.equal(toHostPath('/workspace/cache/x', MOUNTS, '/home/me/project')?.path, '/data/cache/x');
  });

  it('never leave a mount', () => {
    assert.equal(toHostPath('/workspace/../etc/passwd', MOUNTS, '/home/me/project'), undefined);
    assert.equal(toHostPath('../../etc/passwd', MOUNTS, '/home/me/project'), undefined);
    assert.equal(toHostPath('/workspace2/a', MOUNTS, '/home/me/project'), undefined);
    assert.equal(toHostPath('/etc/passwd', MOUNTS, '/home/me/project'), undefined);
  });

  it('are opened below the folder as the user opened it', () => {
    const real = toHostPath(
      'src/a.ts',
      [{ source: '/disk/project', path: '/workspace', readonly: false }],
      '/disk/project',
    );
    assert.equal(asOpened(real?.path ?? '', '/home/me/link', '/disk/project'), '/home/me/link/src/a.ts');
    assert.equal(asOpened('/disk/project2/a', '/home/me/link', '/disk/project'), '/disk/project2/a');
    assert.equal(asOpened('/data/cache/x', '/home/me/link', '/disk/project'), '/data/cache/x');
  });

  it('are made from host paths', () => {
    assert.equal(toContainerPath('/home/me/project/src/a.ts', MOUNTS), '/workspace/src/a.ts');
    assert.equal(toContainerPath('/home/me/else', MOUNTS), undefined);
  });
});

describe('the terminal that had the focus last', () => {
  it('is seen until something is done in an editor, and as a tab only while that is in front', () => {
    const tab = { label: 'claude 1', terminal: true, active: true };
    assert.ok(isSeen('claude 1', [], false) && !isSeen('claude 1', [], true));
    assert.ok(isSeen('claude 1', [tab], true));
    assert.ok(
      !isSeen(
        'claude 1',
        [
          { ...tab, active: false },
          { ...tab, label: 'a.ts', terminal: false },
        ],
        false,
      ),
    );
    assert.ok(!isSeen('claude 1', [{ ...tab, terminal: false }], true));
  });
});

describe('a line for the clipboard', () => {
  it('is quoted for a shell', () => {
    assert.equal(shellLine(['incus', 'exec', "a'b; $(x)"]), `incus exec 'a'\\''b; $(x)'`);
  });

  it('brings its environment along', () => {
    const program = ['sh', '-c', 'echo "$INCUS_SOCKET|$(printenv TMUX || echo unset)"'];
    const line = shellLineIn({ TMUX: null, INCUS_SOCKET: "/a b'c" }, program);
    const env = { PATH: process.env.PATH, TMUX: 'x', INCUS_SOCKET: '/other' };
    assert.equal(execFileSync('/bin/sh', ['-c', line], { env, encoding: 'utf8' }), "/a b'c|unset\n");
    assert.equal(shellLineIn({}, ['ls']), 'ls');
    const files = new Map([['echo "$1"\n', "/a b'c"]]);
    assert.equal(shellLineIn({}, ['sh', '-c', 'echo "$1"\n', 'x'], files), `sh -c "$(cat '/a b'\\''c')" x`);
  });
});
