/** What happens to a stack while its clients go on. */
import { poll } from '../../src/poll.ts';
import { dockerOf, type TestStack } from '../../test/helpers/test-stack.ts';

export async function failOver(stack: TestStack): Promise<void> {
  const replica = (await roles(stack)).find(({ isPrimary }) => !isPrimary);
  await stack.must('cluster', 'failover', replica?.name ?? '');
}

/** Slots of one primary, and back: where it isn't said, nearly all. */
export async function moveSlots(stack: TestStack, count = 5000): Promise<void> {
  const [from = '', to = ''] = (await roles(stack)).flatMap(({ name, isPrimary }) => (isPrimary ? [name] : []));
  const slots = ['--slots', String(count)];
  await stack.must('cluster', 'reshard', '--from', from, '--to', to, ...slots);
  await stack.must('cluster', 'reshard', '--from', to, '--to', from, ...slots);
}

/** Until a replica has taken over. */
export async function killPrimary(stack: TestStack): Promise<void> {
  const before = await roles(stack);
  const killed = before.findIndex(({ isPrimary }) => isPrimary);
  await dockerOf(stack.engine)
    .getContainer(stack.container(killed + 1))
    .kill();
  const isPrimary = (role: { readonly isPrimary: boolean }): boolean => role.isPrimary;
  await poll(
    () => roles(stack, killed),
    (now) => now.filter(isPrimary).length === before.filter(isPrimary).length,
    { signal: new AbortController().signal, timeoutMs: 60_000 },
  );
}

async function roles(
  stack: TestStack,
  without?: number,
): Promise<{ readonly name: string; readonly isPrimary: boolean }[]> {
  const alive = stack.ips.flatMap((_, index) => (index === without ? [] : [index + 1]));
  return Promise.all(
    alive.map(async (node) => {
      const role = await stack.redis(node, 'ROLE');
      return { name: `redis-${node}`, isPrimary: role.startsWith('master') };
    }),
  );
}
