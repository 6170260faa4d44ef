import type Docker from 'dockerode';
import type { ContainerDefinition } from '../plan/model/resources.ts';
import { CONFIG_FOLDER, CONFIG_VOLUME } from '../plan/node/redis-config.ts';
import { isPodman, type Identity } from './api-version.ts';
import { detailsAnswer, understood } from './docker-answers.ts';

/**
 * What an archive for a container can hold: its configuration and its data (`joined`), or whatever there is, as its root can
 * be written (`open`). `former`: the same, and its configuration is where an earlier version of this program had it.
 */
type Layout = 'joined' | 'open' | 'former';
type Mounts = readonly { readonly Destination: string }[];

/** Where files are in containers, and which archive brings them there. */
export interface FilePlaces {
  /** This program has just made it. */
  readonly made: (container: ContainerDefinition) => void;
  /** The engine has listed it. */
  readonly listed: (container: string, mounts: Mounts) => void;
  readonly placeIn: (container: string, path: string) => Promise<string>;
  readonly archived: (container: string, path: string) => Promise<Archived>;
}

/** The folder that an archive is unpacked into, and the file's path. */
interface Archived {
  readonly folder: string;
  readonly place: string;
}

const DATA = '/data/';

export function filePlaces(docker: Docker, identity: () => Promise<Identity>): FilePlaces {
  const layouts = new Map<string, Layout>();
  const learn = (container: string, mounts: Mounts): Layout => {
    const layout = mounts.some(({ Destination }) => Destination === CONFIG_VOLUME) ? 'joined' : 'former';
    layouts.set(container, layout);
    return layout;
  };
  const layoutIn = async (container: string): Promise<Layout> =>
    layouts.get(container) ??
    learn(container, understood(detailsAnswer, await docker.getContainer(container).inspect()).Mounts);
  const placeIn = async (container: string, path: string): Promise<string> => {
    const isElsewhere = path.startsWith(CONFIG_FOLDER) && (await layoutIn(container)) === 'former';
    return isElsewhere ? path.replace(CONFIG_FOLDER, CONFIG_VOLUME) : path;
  };
  return {
    made: ({ name, volume }) => void layouts.set(name, volume.name === '' ? 'open' : 'joined'),
    listed: (container, mounts) => {
      if (layouts.get(container) !== 'open') learn(container, mounts);
    },
    placeIn,
    archived: async (container, path) => {
      const layout = await layoutIn(container);
      const place = await placeIn(container, path);
      // What comes for the root, or for a volume that another one is mounted in, lands below it on Podman, where nobody sees it.
      if (isPodman(await identity()))
        return { folder: place.startsWith(CONFIG_VOLUME) ? CONFIG_VOLUME : topFolder(place), place };
      if (layout !== 'joined') return { folder: '', place };
      return { folder: CONFIG_VOLUME, place: place.startsWith(DATA) ? CONFIG_VOLUME + place : place };
    },
  };
}

/** `/data` of `/data/nodes.conf`, and of `/data/` itself. */
function topFolder(path: string): string {
  return path.split('/', 2).join('/');
}
