#!/bin/sh
# Prepares a machine: Node packages, a container engine that answers, an image to run. Used by bootstrap.sh, which reads it as a
# part of itself, and by test.sh.
# On a terminal it asks before it installs anything system-wide; with --yes, in CI and without a terminal it installs.
set -eu
cd "$(dirname "$0")/.."

yes=${CI:+1}
test_clients=
for argument in "$@"; do
  case $argument in
    -y | --yes) yes=1 ;;
    --test-clients) test_clients=1 ;;
    *)
      echo "setup: unknown argument $argument (known: --yes)" >&2
      exit 2
      ;;
  esac
done

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "✗ $1"
  say "  → $2"
  exit 1
}
# Where the time has gone since the last call, or since somebody was asked.
last=$(date +%s) total=0 times=
spent() {
  now=$(date +%s)
  total=$((total + now - last))
  times="$times${times:+, }$1 $((now - last)) s"
  last=$now
}
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null || fail "$1 needs root, and sudo is not installed" 'Run this as root.'
    sudo "$@"
  fi
}

agreed() {
  # Without a terminal there is nobody to ask, and whoever started this did so on purpose.
  if [ -n "$yes" ] || [ ! -t 0 ]; then return 0; fi
  printf '%s [y/N] ' "$1" >&2
  read -r answer
  last=$(date +%s)
  case $answer in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

command -v node >/dev/null || fail 'Node.js is not installed' 'Install Node.js 20.19 or later: https://nodejs.org'
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js $(node --version) is too old" 'Install Node.js 20.19 or later: https://nodejs.org'

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say '· installing Node packages'
  npm ci --include=dev --no-audit --no-fund --loglevel=error >&2
  spent 'Node packages'
fi

# 0: an engine answers. 3: there is none on this machine. Anything else: there is one, but this user can't reach it.
engine_state() {
  state=0
  message=$(npx tsx scripts/prepare.ts engine 2>&1) || state=$?
  [ $state = 0 ] || [ $state = 3 ] || { say "$message" && exit 1; }
  return $state
}

install_engine() {
  command -v apt-get >/dev/null ||
    fail 'no container engine answers' 'Install and start Docker Desktop, Colima, OrbStack or Podman, then run this again.'
  agreed 'No container engine found. Install docker.io with apt-get?' ||
    fail 'no container engine' 'Install and start one yourself, then run this again. With --yes it installs docker.io.'
  say '· installing docker.io'
  as_root apt-get update -q >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker.io iptables >/dev/null
  spent 'engine installed'
}

start_engine() {
  say '· starting the container engine'
  engine_log='sudo tail -n 20 /var/log/dockerd.log'
  if [ -d /run/systemd/system ]; then
    engine_log='sudo journalctl -u docker -n 20'
    as_root systemctl start docker
  else
    # After a hard stop the pid file of a dead dockerd may be left, and keeps a new one from starting.
    pid=$(cat /var/run/docker.pid 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null || true)" != dockerd ]; then as_root rm -f /var/run/docker.pid; fi
    as_root sh -c 'setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &'
  fi
  tries=0
  until engine_state; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || fail 'the container engine did not start' "$engine_log"
    sleep 1
  done
}

if ! engine_state; then
  command -v dockerd >/dev/null || install_engine
  start_engine
  spent 'engine started'
fi
npx tsx scripts/prepare.ts image >&2
spent image

# Other makers' clients, a browser, shells and an sshd, for the tests that use them; without its client such a test is skipped.
# systemd would start the sshd for everybody: there, the test does without.
sshd=
[ -d /run/systemd/system ] || sshd=openssh-server
have_test_clients() {
  for client in redis-cli openssl chromium zsh fish php ruby ${sshd:+/usr/sbin/sshd}; do command -v $client >/dev/null || return 1; done
  /usr/bin/python3 -c 'import redis, dotenv' 2>/dev/null &&
    php -r 'require "Predis/autoload.php"; exit(extension_loaded("redis") ? 0 : 1);' 2>/dev/null && ruby -r redis -e '' 2>/dev/null
}
client_packages="redis-tools openssl python3-redis python3-dotenv php-cli php-redis php-predis ruby-redis chromium fonts-dejavu-core zsh fish${sshd:+ $sshd}"
if [ -n "$test_clients" ] && ! have_test_clients && command -v apt-get >/dev/null &&
  agreed "Install $client_packages for the tests that use them?"; then
  say "· installing $client_packages"
  as_root apt-get update -q >/dev/null
  # shellcheck disable=SC2086 # they are words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $client_packages >/dev/null
fi
