/** Engines that Debian's suites have. */
export interface EngineKind {
  readonly kind: 'docker' | 'podman';
  /** Whose packages they are. */
  readonly suite: 'bookworm' | 'trixie' | 'sid';
  /** Run by a user without rights. */
  readonly rootless?: true;
  /** More of the daemon's command line, and of its environment. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const ENGINES = {
  'docker-20.10': { kind: 'docker', suite: 'bookworm' },
  'docker-26': { kind: 'docker', suite: 'trixie' },
  'docker-28': { kind: 'docker', suite: 'sid' },
  'docker-28-containerd': { kind: 'docker', suite: 'sid', options: ['--feature', 'containerd-snapshotter=true'] },
  'docker-28-api-1.44': { kind: 'docker', suite: 'sid', env: { DOCKER_MIN_API_VERSION: '1.44' } },
  'docker-26-rootless': { kind: 'docker', suite: 'trixie', rootless: true },
  'podman-4.3': { kind: 'podman', suite: 'bookworm' },
  'podman-5.4': { kind: 'podman', suite: 'trixie' },
  'podman-5.8': { kind: 'podman', suite: 'sid' },
  'podman-5.4-rootless': { kind: 'podman', suite: 'trixie', rootless: true },
} as const satisfies Record<string, EngineKind>;

export type EngineName = keyof typeof ENGINES;

const COMMON = ['coreutils', 'dash', 'grep', 'iproute2', 'iptables', 'mount', 'util-linux'];
const ROOTLESS = ['slirp4netns', 'uidmap'];
/** Without what only recommends: apt finds what they need. */
export const PACKAGES = {
  docker: [...COMMON, ...ROOTLESS, 'docker.io', 'rootlesskit'],
  podman: [...COMMON, ...ROOTLESS, 'podman', 'conmon', 'crun', 'netavark', 'aardvark-dns', 'passt'],
};
