#!/bin/sh
# From a fresh machine to a verified Redis Cluster: Node packages, container engine, image, then `up`.
# Asks before it installs anything for the whole machine; --yes answers for you.
set -eu
sh "$(dirname "$0")/setup.sh" "$@"
cd "$(dirname "$0")/.."
exec npx tsx manage.ts up
