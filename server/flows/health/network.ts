import { access, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { Incus } from '../../incus/client.ts';
import { text } from '../../incus/parse.ts';
import type { Network } from '../../incus/types/network.ts';
import { bridgeOf, cardsOf, subnetOf } from '../../network/bridge.ts';
import {
  type ForwardDrop,
  findNft,
  forwardDrops,
  leftoverTables,
  nftAt,
  objection,
  removeLeftoverTables,
} from '../../network/nft.ts';
import { oldCarriers, removeOldCarriers } from '../../network/run-as-root.ts';
import { allowsHooks } from '../../workspace/protection/support.ts';
import type { FlowDeps } from '../deps.ts';
import { BRIDGE, type Cards, cardFix } from './card.ts';
import type { Check, Finding } from './check.ts';

const ROOT_ONLY = 'Only root can look at the rules of the host.';

/** Where slots get their address and their rules: a bridge of Incus's own. */
export const network: Check = {
  id: 'network.default',
  group: 'network',
  needsIncus: true,
  async run({ incus }, { signal }) {
    const found = await bridgeOf(incus, signal);
    if (found.subnet !== undefined)
      return { status: 'ok', message: `Slots are on the bridge ${found.name} (${found.subnet}).` };
    return {
      status: 'failed',
      message: 'The default profile has no network card on a bridge that Incus manages and that has IPv4.',
      detail: `Slots open only with \`[network] mode = "open"\`, since nothing could be held there. ${OTHERS}`,
      fix: cardFix(await cardsNow(incus, signal)),
    };
  },
};

const OTHERS =
  'Whatever has the default profile gets what is changed in it; an Incus project of its own (`incusAgents.incusProject`) leaves others alone.';

async function cardsNow(incus: Incus, signal: AbortSignal): Promise<Cards> {
  const [card] = cardsOf(await incus.profile('default', signal));
  const name = card?.[1].network;
  const [network, bridge] = await Promise.all([
    name === undefined ? undefined : incus.network(name, signal),
    incus.network(BRIDGE, signal),
  ]);
  const found = network?.managed === true ? network : undefined;
  return { project: incus.target.project, card, network: found, bridge: stateOf(bridge) };
}

function stateOf(bridge: Network | undefined): Cards['bridge'] {
  if (bridge === undefined) return 'absent';
  return subnetOf(bridge) === undefined ? 'no-ipv4' : 'ready';
}

/** What restricts a slot runs from its `raw.lxc`, which a restricted project forbids. */
export const hooks: Check = {
  id: 'network.project',
  group: 'network',
  needsIncus: true,
  async run({ incus }, { signal }) {
    const { project } = incus.target;
    if (await allowsHooks(incus, signal))
      return { status: 'ok', message: `The project ${project} allows what restricts networks and protects paths.` };
    return {
      status: 'failed',
      message: `The project ${project} does not allow what restricts networks and protects paths (raw.lxc).`,
      fix: {
        title: 'Allow low-level options',
        command: `incus project set ${project} restricted.containers.lowlevel=allow`,
      },
    };
  },
};

/** The rules are nft's, which Incus runs as root when a slot starts. */
export const rules: Check = {
  id: 'network.rules',
  group: 'network',
  needsIncus: true,
  async run({ incus, uid }, { signal }) {
    const path = await findNft();
    const driver = text((await incus.server(signal)).environment.firewall);
    if (path === undefined && driver !== 'nftables')
      return {
        status: 'failed',
        message: 'nft was not found: no slot opens whose network is restricted.',
        fix: { title: 'Install nftables', command: 'sudo apt install nftables' },
      };
    const detail = kernelDetail(release());
    if (path === undefined || uid !== 0)
      return {
        status: 'ok',
        message: 'nft is there. Whether the kernel takes the rules shows when a slot starts.',
        ...detail,
      };
    const wrong = await objection(nftAt(path));
    return wrong === undefined
      ? { status: 'ok', message: 'nft is there, and the kernel takes the rules of slots.', ...detail }
      : {
          status: 'failed',
          message: 'nft does not take the rules of slots, so none opens whose network is restricted.',
          detail: wrong,
          fix: { title: 'Update nftables (1.0 or newer) and the kernel (5.15 or newer)' },
        };
  },
};

/** The rules do not depend on br_netfilter: they are at the cable, before the bridge. */
function kernelDetail(version: string): { detail?: string } {
  const [major = 0, minor = 0] = version.split('.').map(part => Number.parseInt(part, 10));
  if (major > 5 || (major === 5 && minor >= 16)) return {};
  return {
    detail: `Kernel ${version}: before 5.16, programs inside may get an address of IPv6 that leads nowhere, and wait for it.`,
  };
}

/** Whether what slots may reach is reached: Docker and firewalls drop what the host forwards for others. */
export const forwarding: Check = {
  id: 'network.forwarding',
  group: 'network',
  needsIncus: true,
  async run({ incus, uid }, { signal }) {
    const { name } = await bridgeOf(incus, signal);
    if (name === undefined) return { status: 'ok', message: 'There is no bridge to look at.' };
    if ((await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8').catch(() => '')).trim() === '0')
      return {
        status: 'failed',
        message: 'This host forwards nothing, so slots have no internet (net.ipv4.ip_forward is 0).',
        fix: {
          title: 'Turn forwarding on',
          command:
            'echo net.ipv4.ip_forward=1 | sudo tee /etc/sysctl.d/60-incus-agents-forward.conf && sudo sysctl --system',
        },
      };
    const nft = await findNft();
    if (uid !== 0 || nft === undefined) return untold(name);
    const [drop] = await forwardDrops(nftAt(nft), name);
    return drop === undefined
      ? {
          status: 'ok',
          message: `What ${name} sends to the internet is not dropped by other rules of nft on this host.`,
        }
      : dropped(drop, name);
  },
};

async function untold(bridge: string): Promise<Finding> {
  const docker = await access('/sys/class/net/docker0').then(
    () => true,
    () => false,
  );
  if (!docker)
    return {
      status: 'ok',
      message: 'This host forwards. Whether a firewall keeps slots from it was not looked at.',
      detail: ROOT_ONLY,
    };
  return {
    status: 'ok',
    message: 'Docker is on this host. Whether its rules keep slots from the internet was not looked at.',
    detail: `${ROOT_ONLY} If slots reach no host at all: ${acceptCommand({ family: 'ip', table: 'filter', chain: 'FORWARD', docker: true }, bridge)}`,
  };
}

function dropped(drop: ForwardDrop, bridge: string): Finding {
  return {
    status: 'warning',
    message: `Slots have no internet: the chain ${drop.chain} of the table ${drop.family} ${drop.table} drops what the host forwards${drop.docker ? ', as Docker has it' : ''}.`,
    detail: 'What a slot may reach is not changed by letting its bridge through: its own rules come before.',
    fix: { title: `Let the bridge ${bridge} through (until the next boot)`, command: acceptCommand(drop, bridge) },
  };
}

function acceptCommand({ family, table, chain, docker }: ForwardDrop, bridge: string): string {
  if (docker)
    return `sudo iptables -I DOCKER-USER -i ${bridge} -j ACCEPT; sudo iptables -I DOCKER-USER -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`;
  const rule = `sudo nft insert rule ${family} ${table} ${chain}`;
  return `${rule} iifname ${bridge} accept; ${rule} oifname ${bridge} ct state related,established accept`;
}

/** Rules of slots that are gone, and instances that were made for a change of rules: after a crash they can be left. */
export const networkLeftovers: Check = {
  id: 'network.leftovers',
  group: 'network',
  needsIncus: true,
  async run(deps) {
    const [carriers, tables] = await Promise.all([oldCarriers(deps.incus), tablesOf(deps)]);
    const left = [...carriers, ...(tables ?? [])];
    const detail = tables === undefined ? `Tables of rules were not looked for. ${ROOT_ONLY}` : undefined;
    if (left.length === 0)
      return {
        status: 'ok',
        message: 'Nothing is left of changes of networks.',
        ...(detail === undefined ? {} : { detail }),
      };
    return {
      status: 'warning',
      message: 'Rules of slots that are gone, or instances that were made to change rules, are left over.',
      detail: left.join('\n'),
      fix: { title: 'Remove them', action: 'mend' },
    };
  },
  async mend(deps) {
    await removeOldCarriers(deps.incus);
    const nft = await findNft();
    if (deps.uid === 0 && nft !== undefined) await removeLeftoverTables(nftAt(nft));
  },
};

async function tablesOf({ uid }: FlowDeps): Promise<string[] | undefined> {
  const nft = await findNft();
  return uid !== 0 || nft === undefined ? undefined : leftoverTables(nftAt(nft));
}
