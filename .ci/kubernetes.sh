#!/usr/bin/env bash
# The kubernetes runner on a real cluster, where the tool that brings one up stands beside the checkout; else says so.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=../shared/tools/kubernetes

without() { echo "No cluster is here ($1): the kubernetes runner is not tested on one"; exit 0; }

[ -x "$tool/up.sh" ] || without "no tool beside the checkout"
[ "$(id -u)" = 0 ] || without "its tool needs root"
/usr/bin/docker info >/dev/null 2>&1 || without "no Docker to make images with"
"$tool/up.sh" >/dev/null || without "it does not come up"
trap '"$tool/down.sh"' EXIT

make images ENGINES="stub light"
make test-kubernetes
