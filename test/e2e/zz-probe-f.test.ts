import { test } from 'vitest';
import { connectCluster } from '/work/main/test/helpers/cluster-client.ts';
import { clientsOf } from '/work/main/test/helpers/key-values.ts';
import { startLoad } from '/work/main/test/helpers/load.ts';
import { makeRoomyStack } from '/work/main/test/helpers/moving-keys.ts';
test('probe', async () => {
  const stack = await makeRoomyStack();
  try {
    const nodes = clientsOf(stack);
    const clients = [];
    for (let i = 0; i < 8; i++) clients.push(await connectCluster(stack));
    const load = await startLoad(clients);
    await new Promise((r) => setTimeout(r, 3000));
    console.log(load.measure());
    await Promise.all(nodes.map((n) => n.config('RESETSTAT')));
    for (const [f, t] of [['redis-1', 'redis-3'], ['redis-3', 'redis-2']]) {
      const c0 = process.cpuUsage(); const s = performance.now();
      console.log((await stack.must('cluster', 'reshard', '--from', f!, '--to', t!, '--slots', '2000')).stdout);
      const c = process.cpuUsage(c0);
      console.log('wall', performance.now() - s, 'cpu ms', (c.user + c.system) / 1000, load.measure());
    }
    await load.stop();
    for (const n of nodes) {
      console.log((await n.info('commandstats')).split('\n').filter((l) => !/rejected_calls=0,failed_calls=0/.test(l)).join('\n'));
      console.log((await n.info('commandstats')).split('\n').filter((l) => /migrate|setslot|getkeys|restore/.test(l)).join('\n'));
      console.log(await n.info('errorstats'));
    }
  } finally { await stack.remove(); }
});
