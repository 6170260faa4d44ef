#!/bin/sh
# The first process of an engine's own namespaces: root file system and working folder by their paths, docker or podman, root
# or rootless, the engine's cgroup, and more of its command line. Ends with its standard input, and everything with it.
set -eu
root=$1 work=$2 kind=$3 user=$4 cgroup=$5
shift 5
ip link set lo up
mount --make-rprivate /
# What is written to the root is gone afterwards.
mkdir -p "$work/top"
mount -t tmpfs tmpfs "$work/top"
cd "$work/top"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$root,upperdir=$PWD/upper,workdir=$PWD/work" root
cd root
mount --bind "$work" ground
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
# Beside the older cgroups there may be the newer ones without controllers: crun wants one kind.
[ "$kind$user" = dockerroot ] || umount sys/fs/cgroup/unified 2>/dev/null || true
pivot_root . old
umount -l /old
cd /
export PATH=/usr/sbin:/usr/bin PODMAN_IGNORE_CGROUPSV1_WARNING=1
mkdir -p /run/lock /var/tmp /ground/data
chmod 1777 /tmp /var/tmp
echo 1 >/proc/sys/net/ipv4/ip_forward
tables=nft
xtables-nft-multi iptables -t nat -L >/dev/null 2>&1 || tables=legacy
for name in iptables ip6tables iptables-save ip6tables-save iptables-restore ip6tables-restore; do
  ln -sf "xtables-$tables-multi" "/usr/sbin/$name"
done
socket=unix:///ground/engine.sock
if [ "$user" = rootless ]; then
  chown -R 1000:1000 /ground /home/me
  for device in 'net/tun 10 200' 'fuse 10 229'; do
    set -- "${device%% *}" ${device#* } "$@"
    mknod -m 666 "/run/${1##*/}" c "$2" "$3" && mount --bind "/run/${1##*/}" "/dev/$1"
    shift 3
  done
  export HOME=/home/me USER=me XDG_RUNTIME_DIR=/ground/xdg
  mkdir -m 700 "$XDG_RUNTIME_DIR"
  chown 1000:1000 "$XDG_RUNTIME_DIR"
  as='setpriv --reuid 1000 --regid 1000 --clear-groups'
  if [ "$kind" = docker ]; then
    set -- $as dockerd-rootless.sh --data-root /ground/data -H "$socket" "$@"
    ln -s /usr/share/docker.io/contrib/dockerd-rootless.sh /usr/bin/
  else
    set -- $as podman --root /ground/data --cgroup-manager=cgroupfs system service --time=0 "$socket"
  fi
elif [ "$kind" = docker ]; then
  set -- dockerd --data-root /ground/data --cgroup-parent="/$cgroup" -H "$socket" "$@"
else
  set -- podman --root /ground/data --cgroup-manager=cgroupfs system service --time=0 "$socket"
fi
"$@" </dev/null >/ground/log 2>&1 &
echo ready
cat
:
