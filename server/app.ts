import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentNamed, agentNames } from './agents/registry.ts';
import { Attention } from './attention/attention.ts';
import { Failure } from './base/errors.ts';
import { Serial } from './base/serial.ts';
import type { App, AppOptions, LogMessage } from './connections/app.ts';
import type { FlowDeps } from './flows/deps.ts';
import { LimitGuard } from './flows/limit-guard.ts';
import { Mending } from './flows/mending.ts';
import { Reservations } from './flows/open/reservation.ts';
import { SessionBoard } from './flows/sessions/board.ts';
import { Lookout } from './flows/sessions/lookout.ts';
import { incusTarget } from './flows/target.ts';
import { loadGuestFiles } from './guest/files.ts';
import { readBuildScripts } from './images/scripts.ts';
import { Incus } from './incus/client.ts';
import type { Instance } from './incus/types.ts';
import { createHandlers } from './methods/create.ts';
import { SlotNetworks } from './network/networks.ts';
import { Readiness } from './readiness.ts';
import { SessionStore } from './sessions/store.ts';
import type { ConversationReader } from './sessions/types.ts';
import { identify } from './slots/keys.ts';
import { parseContainerName } from './slots/names.ts';
import { AddressFinder } from './state/addresses.ts';
import { SlotBoard } from './state/board.ts';
import { InstanceMirror } from './state/mirror.ts';
import { StateStore } from './state/store.ts';
import { TrustStore } from './trust/store.ts';

/** Builds every object of the backend once, and connects them. Reads all files that are needed later. */
export async function createApp(options: AppOptions): Promise<App> {
  const { log, home, uid, backendKey } = options;
  const incus = new Incus(await incusTarget(options), log);
  const store = new StateStore();
  const board = new SlotBoard(store, identify);
  const serial = new Serial();
  const readiness = new Readiness();
  const mending = new Mending(() => deps);
  const messages = new Set<(message: LogMessage) => void>();
  const message: FlowDeps['message'] = (level, text) => {
    log.info(text);
    for (const listener of messages) listener({ level, message: text });
  };
  const addresses = new AddressFinder(incus, (name, ip) => board.note(name, { ip }), log);
  const sessions = new SessionStore({ home, log, reader: readerOf });
  const attention = new Attention(log);
  const sessionBoard = new SessionBoard({ sessions, attention, board, store, log });
  const watched = () => options.clients() > 0;
  const lookout = new Lookout({ incus, attention, board, log, watched });
  const networks = new SlotNetworks(incus, log, home);
  const limits: LimitGuard = new LimitGuard(() => deps, { incus, board, log });
  store.onChange(change => limits.changed(change));
  const follow = (name: string, instance: Instance | undefined) => {
    addresses.see(name, instance);
    sessionBoard.see(name, instance);
    lookout.see(name, instance);
    limits.see(name, instance);
    networks.see(name, instance);
  };
  const mirror = new InstanceMirror(
    incus,
    {
      relevant: name => parseContainerName(name) !== undefined,
      incus: state => {
        store.setIncus(state);
        readiness.set(state);
        if (state.status === 'ready') void mending.run();
      },
      all: instances => {
        const gone = new Set(board.instances().map(i => i.name));
        board.seeAll(instances);
        for (const { name } of board.instances()) gone.delete(name);
        for (const name of gone) follow(name, undefined);
        for (const instance of board.instances()) follow(instance.name, instance);
      },
      one: (name, instance) => follow(name, board.see(name, instance) ? instance : undefined),
    },
    log,
  );
  const media = mediaDirectory();
  const [guest, scripts] = await Promise.all([loadGuestFiles(media), readBuildScripts(join(media, 'image'))]);
  const deps: FlowDeps = {
    incus,
    board,
    mirror,
    serial,
    reservations: new Reservations(board),
    sessions,
    limits,
    networks: networks,
    lookout,
    trust: new TrustStore(home),
    guest,
    build: { incus, log, scripts, home, backendKey, underWay: new Set(), serial },
    log,
    message,
    backendKey,
    backendAlive: options.backendAlive,
    home,
    uid,
    target: options,
    incusBinary: 'incus',
    ready: signal => readiness.wait(signal),
  };
  await sessionBoard.list();
  mirror.start();
  return {
    handlers: createHandlers(deps),
    snapshot: () => store.snapshot(),
    onChange: listener => store.onChange(listener),
    onMessage: listener => {
      messages.add(listener);
      return () => messages.delete(listener);
    },
    duties: () => [...limits.duties(), ...networks.duties()],
    busy: () => serial.busy,
    permissionLost: () => store.incus.reason === 'no-permission',
    drain: () => serial.idle(),
    close: async () => {
      mirror.close();
      addresses.close();
      lookout.close();
      sessionBoard.close();
      limits.close();
      await networks.close();
      readiness.close(new Failure('unavailable', 'The backend is ending.'));
      await incus.close();
    },
  };
}

/** Who reads the conversations of an agent; those that only configuration declares keep theirs to themselves. */
function readerOf(agent: string): ConversationReader | undefined {
  return agentNames().includes(agent) ? agentNamed(agent) : undefined;
}

/** The extension's media folder: beside dist/ in the package, beside server/ in the sources. */
function mediaDirectory(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', 'media');
}
