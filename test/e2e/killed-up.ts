/**
 * A process that brings a stack up and dies by SIGKILL right after its nth change: an engine call, or a cluster command
 * that a node has answered. Arguments: YAML file, n.
 */
import { NodeLink } from '../../src/redis/node-link.ts';
import { loadStack } from '../../src/stack/load.ts';
import { up } from '../../src/stack/up.ts';
import { watchEngine } from '../helpers/counting-engine.ts';
import { testEngine } from '../helpers/test-stack.ts';

async function upUntil(file: string, lastChange: number): Promise<void> {
  let changes = 0;
  const onChange = (): void => {
    changes += 1;
    if (changes === lastChange) process.kill(process.pid, 'SIGKILL');
  };
  // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
  const { send } = NodeLink.prototype;
  NodeLink.prototype.send = async function (this: NodeLink, ...command) {
    const reply = await send.apply(this, command);
    onChange();
    return reply;
  };
  const session = {
    ...(await loadStack(file)),
    engine: watchEngine(await testEngine(), onChange),
    env: process.env,
    report: () => undefined,
    signal: new AbortController().signal,
    timeoutMs: 60_000,
  };
  await up(session);
}

void upUntil(process.argv[2] ?? '', Number(process.argv[3]));
