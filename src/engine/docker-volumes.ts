import type Docker from 'dockerode';
import { LABELS } from '../plan/model/names.ts';
import { usageAnswer, understood, volumesAnswer } from './docker-answers.ts';
import { volumeBody, type Labels } from './docker-bodies.ts';
import { unlessMissing, type Calls } from './docker-calls.ts';
import type { Engine } from './engine.ts';

type Volumes = Pick<
  Engine,
  'listVolumes' | 'findEmptyVolumes' | 'removeVolume' | 'putMark' | 'listMarks' | 'removeMark'
>;

/** @param lastCalls that are also made after the command was told to end */
export function containerVolumes(
  docker: Docker,
  { look, change }: Calls,
  lastCalls: Calls,
  moreLabels: Labels,
): Volumes {
  const list = async (label?: string) => {
    const filters = label === undefined ? {} : { filters: { label: [label] } };
    const { Volumes } = understood(volumesAnswer, await docker.listVolumes(filters));
    return Volumes.map(({ Name, Labels }) => ({ name: Name, labels: Labels }));
  };
  return {
    listVolumes: () =>
      look('list volumes', async () => (await list()).filter(({ labels }) => labels[LABELS.lock] === undefined)),
    findEmptyVolumes: () =>
      look('measure volumes', async () => {
        const { Volumes } = understood(usageAnswer, await docker.df());
        return Volumes.filter(
          ({ Driver, Options, UsageData }) =>
            Driver === 'local' &&
            Object.keys(Options).length === 0 &&
            UsageData?.Size === 0 &&
            UsageData.RefCount === 0,
        ).map(({ Name }) => ({ name: Name }));
      }),
    removeVolume: (name) => change(`remove volume ${name}`, () => unlessMissing(() => docker.getVolume(name).remove())),

    putMark: async (mark) => {
      await change(`create volume ${mark.name}`, () => docker.createVolume(volumeBody(mark, moreLabels)));
      return [''];
    },
    listMarks: (stack) => look('list volumes', () => list(`${LABELS.lock}=${stack}`)),
    removeMark: (name) =>
      lastCalls.change(`remove volume ${name}`, () => unlessMissing(() => docker.getVolume(name).remove())),
  };
}
