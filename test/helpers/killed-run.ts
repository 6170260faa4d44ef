/**
 * A process that does something to a stack and dies by SIGKILL right after its nth change: an engine call, a command that a
 * node has answered, or a new password in its source. Arguments: `up`, `rotate` or `reshard`, YAML file, n.
 */
import { NodeLink, type RedisCommand } from '../../src/redis/node-link.ts';
import { loadStack } from '../../src/stack/session/load.ts';
import { sessionOf } from '../../src/stack/session/open.ts';
import { reshard } from '../../src/stack/commands/cluster/reshard.ts';
import { openSource } from '../../src/stack/session/source.ts';
import { rotateSecret } from '../../src/stack/commands/secrets.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { up } from '../../src/stack/commands/up.ts';
import { watchEngine } from './counting-engine.ts';
import { testEngine } from './test-stack.ts';

const VERBS: Readonly<Record<string, (session: Session) => Promise<unknown>>> = {
  up,
  rotate: rotateSecret,
  reshard: (session) => reshard(session, { from: ['redis-1'], to: 'redis-2', count: 300, simulate: false }),
};

/** Keys go in as many portions as the machine is slow; one of them is like the next. */
const MOST_PORTIONS = 6;

/** Whether a kill after these commands is another story than before them. */
function newStepCounter(): (commands: readonly RedisCommand[]) => boolean {
  let portions = 0;
  return (commands) => {
    if (commands.some(([name]) => name === 'MIGRATE')) portions += 1;
    else return !commands.every(([name, verb]) => name === 'PING' || verb === 'GETKEYSINSLOT');
    return portions <= MOST_PORTIONS;
  };
}

async function runUntil(verb: string, file: string, lastChange: number): Promise<void> {
  const isStep = newStepCounter();
  let changes = 0;
  const onChange = (): void => {
    changes += 1;
    if (changes === lastChange) process.kill(process.pid, 'SIGKILL');
  };
  // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
  const { send, sendAll } = NodeLink.prototype;
  NodeLink.prototype.send = async function (this: NodeLink, ...command) {
    const reply = await send.apply(this, command);
    onChange();
    return reply;
  };
  NodeLink.prototype.sendAll = async function (this: NodeLink, commands) {
    const replies = await sendAll.apply(this, [commands]);
    if (isStep(commands)) onChange();
    return replies;
  };
  const engine = watchEngine(await testEngine(), onChange);
  const signal = new AbortController().signal;
  const surroundings = { env: process.env, report: () => undefined, signal, timeoutMs: 60_000 };
  const stack = await loadStack(file);
  const session = sessionOf(stack, openSource(stack, surroundings), engine, surroundings);
  const source: Session['source'] = {
    ...session.source,
    replace: async (...args) => {
      await session.source.replace(...args);
      onChange();
    },
  };
  await VERBS[verb]?.({ ...session, source });
}

const [verb = '', file = '', lastChange = ''] = process.argv.slice(2);
void runUntil(verb, file, Number(lastChange));
