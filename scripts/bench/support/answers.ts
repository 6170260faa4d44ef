import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseClusterInfo } from '../../../src/cluster/nodes/view.ts';
import { SLOT_COUNT } from '../../../src/cluster/slots/slots.ts';
import { LONGEST_WAIT_MS } from './context.ts';

const REPLY_TIMEOUT_MS = 1000;
const PAUSE_MS = 3;
const LOOPBACK = '127.0.0.1';

/** Where a port is published. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** Resolves when the Redis behind each published port has answered PING, be it with an error: then it is there. */
export async function waitForAnswers(ports: readonly (number | Place)[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    ports.map((one) => {
      const { host, port } = typeof one === 'number' ? { host: LOOPBACK, port: one } : one;
      return poll(signal, `port ${port} did not answer`, () => ask(port, 'PING', host));
    }),
  );
}

/** Resolves when every node says that the cluster is `ok` and that all its slots are assigned and served. */
export async function waitForCluster(ports: readonly number[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    ports.map((port) =>
      poll(signal, `the node at port ${port} is not ok`, async () => {
        const { state, slotsAssigned, slotsOk } = parseClusterInfo((await ask(port, 'CLUSTER INFO')) ?? '');
        return state === 'ok' && slotsAssigned === SLOT_COUNT && slotsOk === SLOT_COUNT ? state : undefined;
      }),
    ),
  );
}

async function poll(signal: AbortSignal, failing: string, look: () => Promise<string | undefined>): Promise<void> {
  const end = Date.now() + LONGEST_WAIT_MS;
  while ((await look()) === undefined) {
    signal.throwIfAborted();
    if (Date.now() > end) throw new Error(`${failing} within ${LONGEST_WAIT_MS / 1000} s`);
    await pause(PAUSE_MS);
  }
}

/** A reply, raw; undefined without one. The engine's proxy accepts, and hangs up, before Redis listens. */
function ask(port: number, command: string, host = LOOPBACK): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host });
    socket.setTimeout(REPLY_TIMEOUT_MS, () => socket.destroy());
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(isWhole(text) ? text : undefined));
  });
}

/** A simple string, an error, or a bulk string with as many bytes as it announces. */
function isWhole(text: string): boolean {
  const header = /^\$(\d+)\r\n/.exec(text);
  if (header === null) return /^[+-].*\r\n$/s.test(text);
  return text.length >= header[0].length + Number(header[1]) + '\r\n'.length;
}
