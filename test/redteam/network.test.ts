import { type TestContext, test } from 'node:test';
import { until } from '../incus/support.ts';
import { ADDRESSES, testHosts } from '../support/test-hosts.ts';
import { type Attack, attackAll, type Battlefield, controlAll, lateHooks } from './attack.ts';
import { closedAttacks, restrictedAttacks, type Scene } from './network/attacks.ts';
import { type Counters, counters } from './network/counters.ts';
import { type Fighter, fighter, policy, type Range, randomOctet, rangeOf } from './network/place.ts';
import { inReverse } from './protect/place.ts';
import { Table } from './table.ts';

const skip = process.getuid?.() !== 0;

/** Sees what an attack reached: by the kernel's counters, and by what came back. */
function field(self: Fighter, counted: Counters, place: Range): Battlefield {
  let connections = place.connections();
  counted.look();
  return {
    run: self.run,
    broken: async output => {
      const more = place.connections() > connections;
      connections = place.connections();
      const answer = /REACHED: (.*)/.exec(output)?.[1];
      return counted.look() ?? (more ? 'a service of the host' : answer);
    },
  };
}

interface Battle {
  name: string;
  title: string;
  mode: 'restricted' | 'allowlist';
  attacks(scene: Scene): Attack[];
}

async function battle(t: TestContext, o: Battle, octet: number): Promise<void> {
  const table = new Table(t, o.title);
  const end = inReverse(t);
  const place = await rangeOf(end, octet);
  const victim = await fighter(end, place, 'coi-00000000-2', policy());
  const self = await fighter(end, place, 'coi-00000000-1', policy({ mode: o.mode, allow: ['allowed.example'] }));
  const plain = await fighter(end, place, 'plain');
  const open = o.mode === 'restricted';
  const watch = (attacker: Fighter) =>
    counters(
      end,
      place,
      victim,
      attacker,
      { names: open, internet: open, ignored: attacker === plain ? [self.mac] : [plain.mac] },
      attacker === plain ? 'p' : 's',
    );
  const scene = (who: Fighter) => o.attacks({ place, self: who, victim });
  await controlAll(t, table, field(plain, watch(plain), place), scene(plain));
  if (open) await internetWorks(t, self);
  // An end of an earlier start that comes late takes nothing away: all that follows shows it.
  await lateHooks(place.incus, self.name);
  await attackAll(t, table, field(self, watch(self), place), scene(self));
  if (open) await internetWorks(t, self);
}

async function internetWorks(t: TestContext, self: Fighter): Promise<void> {
  await t.test('meanwhile the internet is there', async () => {
    for (const as of ['root', 'code'] as const)
      await until(`the internet, as ${as}`, async () =>
        /REACHED: a test host/.test(await self.run(`tcp ${ADDRESSES.internet} 80`, as)),
      );
  });
}

const BATTLES: readonly Battle[] = [
  {
    name: 'nothing but the internet is reached from a restricted slot',
    title: 'Network, restricted',
    mode: 'restricted',
    attacks: restrictedAttacks,
  },
  {
    name: 'nothing that is not named is reached from a slot with an allow-list',
    title: 'Network, allow-list',
    mode: 'allowlist',
    attacks: scene => [...restrictedAttacks(scene), ...closedAttacks(scene)],
  },
];

// Most of the time goes into waiting for answers that do not come; each is on bridges of its own.
test('network', { skip, timeout: 600_000, concurrency: BATTLES.length }, async t => {
  await testHosts(t);
  const octet = randomOctet();
  await Promise.all(BATTLES.map((one, i) => t.test(one.name, inner => battle(inner, one, octet + i))));
});
