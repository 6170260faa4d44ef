#!/bin/sh
# From a fresh machine to a verified Redis Cluster: Node packages, container engine, image, then `up`.
# On a terminal it asks before it installs anything system-wide; --yes answers for you.
set -eu
sh "$(dirname "$0")/setup.sh" "$@"
cd "$(dirname "$0")/.."
exec npx tsx manage.ts up
