import { homedir, userInfo } from 'node:os';
import type * as vscode from 'vscode';
import { Backend } from './backend/backend.ts';
import type { BackendState } from './backend/state.ts';
import type { Link } from './model/backendApi.ts';
import type { Disposable } from './model/emitter.ts';
import type { Model } from './model/model.ts';
import { pickEnvironment, secretKey } from './model/secrets.ts';
import type { Settings } from './settings.ts';
import { toldFolders } from './surroundings.ts';

/** Makes the connection to the shared backend; nothing is started before the first need. */
export function createBackend(
  context: vscode.ExtensionContext,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Backend {
  const { version } = context.extension.packageJSON as { version: string };
  return new Backend({
    launch: {
      // Read for each connection: the editor may hand over the settings after it has activated the extension.
      get identity() {
        return identityOf(settings);
      },
      execPath: process.execPath,
      serverPath: context.asAbsolutePath('dist/server.js'),
    },
    client: { name: 'incus-agents', version },
    facts: { workspaces: toldFolders(settings), settings: settings.explicit() },
    answers: {
      secret: async name => (await context.secrets.get(secretKey(name))) ?? null,
      environment: async names => pickEnvironment(process.env, names),
    },
    log: line => log.info(line),
  });
}

/** Feeds the model with slots and sessions, which have no other writer, and the log. */
export function feed(backend: Backend, model: Model, log: vscode.LogOutputChannel): Disposable[] {
  return [
    backend.onState(state => model.setLink(toLink(state))),
    backend.onSnapshot(snapshot => model.applySnapshot(snapshot)),
    backend.onChange(change => model.applyChange(change)),
    backend.onMessage(({ level, message }) => {
      if (level === 'error') log.error(message);
      else if (level === 'warning') log.warn(message);
      else log.info(message);
    }),
  ];
}

function identityOf(settings: Settings) {
  const incusSocket = settings.incusSocket();
  const incusProject = settings.incusProject();
  return {
    uid: userInfo().uid,
    home: homedir(),
    ...(incusSocket === undefined ? {} : { incusSocket }),
    ...(incusProject === undefined ? {} : { incusProject }),
  };
}

/** How the connection's state is drawn. */
export function toLink(state: BackendState): Link {
  switch (state.name) {
    case 'idle':
      return { state: 'idle' };
    case 'connecting':
      return { state: 'starting' };
    case 'connected':
      return { state: 'ready' };
    case 'waiting':
      return { state: 'reconnecting' };
    case 'failed':
      return {
        state: 'failed',
        message: state.hint === undefined ? state.reason : `${state.reason} ${state.hint}`,
        action: state.action,
      };
  }
}
