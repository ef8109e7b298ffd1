// One request to the backend, as any client makes it: the default image is built by the product itself.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { node24Environment } from './node.mjs';
import { root } from './paths.mjs';
import { PrepareError } from './shell.mjs';

/**
 * Starts a backend for one request and returns its reply. Progress and a failure's hint are printed as they are meant
 * for the user.
 * @param {string} method
 * @param {Record<string, unknown>} params
 */
export async function askBackend(method, params) {
  const rpc = await import('vscode-jsonrpc/node'); // it is there once the project's packages are
  const backend = spawn('node', [path.join(root, 'dist/server.js'), '--stdio'], {
    env: node24Environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(backend.stdout),
    new rpc.StreamMessageWriter(backend.stdin),
  );
  const gone = new Promise((_, reject) => {
    backend.once('error', reject);
    backend.once('exit', code => reject(new PrepareError(`The backend ended with ${code} before it replied.`)));
  });
  gone.catch(() => undefined); // it ends after the reply as well
  try {
    connection.onProgress(new rpc.ProgressType(), 'progress', showProgress());
    connection.onRequest('client/environment', ({ names }) => ({ values: environmentOf(names) }));
    connection.onRequest('client/secret', () => ({ value: null }));
    connection.listen();
    const client = { name: 'npm start', version: '1' };
    const hello = { protocolVersion: 1, client, workspaces: [] };
    await Promise.race([connection.sendRequest('initialize', hello), gone]);
    return await Promise.race([connection.sendRequest(method, { ...params, progress: 'progress' }), gone]);
  } catch (error) {
    const hint = error?.data?.hint ? `\n${error.data.hint}` : '';
    throw new PrepareError(`${error?.message ?? error}${hint}`);
  } finally {
    connection.dispose();
    backend.stdin.end();
  }
}

/** The variables that the backend asks for, where we have them. */
function environmentOf(names) {
  return Object.fromEntries(
    names.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/** Prints what changes, but not how far each download is. */
function showProgress() {
  let last = '';
  return value => {
    const line = [value?.phase, value?.message].filter(Boolean).join(': ');
    const kind = line.replace(/[\d.,%]+( ?[kMG]?i?B(\/s)?)?/g, '#');
    if (kind && kind !== last) console.log(`  ${line}`);
    last = kind;
  };
}
