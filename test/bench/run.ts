import { benchAttention } from './attention.ts';
import { benchCost } from './cost.ts';
import { benchInside } from './inside.ts';
import { benchIsolation } from './isolation.ts';
import { benchOpen } from './open.ts';
import { benchProcess } from './process.ts';
import { createSetting, type Setting } from './setting.ts';
import { benchState } from './state.ts';

const BENCHES: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  open: benchOpen,
  isolation: benchIsolation,
  inside: benchInside,
  state: benchState,
  process: benchProcess,
  cost: benchCost,
  attention: benchAttention,
};

const asked = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const setting = await createSetting();
  try {
    await bench(setting);
  } finally {
    await setting.end();
  }
}
