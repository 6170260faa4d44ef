import { StackError } from '../../errors.ts';
import { containerName } from '../../plan/model/names.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from './session.ts';

/** A node by the name that the YAML file gives it, or by its container's. @throws StackError USAGE */
export function findNode({ spec }: Pick<Session, 'spec'>, name: string): NodeSpec {
  const node = spec.nodes.find((one) => one.name === name || containerName(spec.name, one.name) === name);
  if (node !== undefined) return node;
  throw new StackError('USAGE', {
    message: `there is no node '${name}' in the stack ${spec.name}`,
    hint: `Its nodes are: ${spec.nodes.map((one) => one.name).join(', ')}`,
  });
}

export function notRunning(container: string): StackError {
  return new StackError('NOT_RUNNING', {
    message: `the container ${container} of this stack does not run`,
    hint: 'npx tsx manage.ts up',
  });
}
