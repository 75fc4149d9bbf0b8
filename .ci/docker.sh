#!/usr/bin/env bash
# Engines in containers: builds the images named (default: stub light demucs pyannote) and passes the tests that need Docker.
# Where Docker cannot be had, it says so and that is all.
set -euo pipefail
cd "$(dirname "$0")/.."

client=/usr/bin/docker
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

without() { echo "Docker is not here ($1): images and the docker runner are not tested"; exit 0; }

root() { [ "$(id -u)" = 0 ]; }

answers() { "$client" info >/dev/null 2>&1; }

if [ ! -x "$client" ] && root && command -v apt-get >/dev/null; then
    { apt-get update -q && apt-get install -yq --no-install-recommends docker.io; } >/dev/null 2>&1 || true
fi
[ -x "$client" ] || client=$(command -v docker) || without "no program docker"
if ! answers && root && command -v dockerd >/dev/null; then
    # It stays up: later steps, and a second run, use it.
    setsid dockerd >/tmp/voicecast-dockerd.log 2>&1 </dev/null &
    for _ in $(seq 60); do answers && break; sleep 1; done
fi
answers || without "no daemon answers"

# Machines that reach no container registry have a tool that makes the base image of Debian packages.
maker=../shared/tools/make-base-image.sh
base=python:3.11-slim-bookworm
if ! "$client" image inspect "$base" >/dev/null 2>&1 && ! "$client" pull -q "$base" >/dev/null 2>&1; then
    [ -x "$maker" ] || without "no base image $base"
    DOCKER=$client "$maker" "$base" >"$work/base.log" 2>&1 || { cat "$work/base.log"; without "no base image $base"; }
fi

# The build of torch that this machine's pip is told to take.
if [ -z "${WHEELS_IMAGE:-}" ] && compgen -G "${PIP_FIND_LINKS:-/nowhere}/torch-*.whl" >/dev/null; then
    export WHEELS_IMAGE=local/wheels
    printf 'FROM scratch\nCOPY torch-*.whl /\n' |
        DOCKER_BUILDKIT=1 "$client" build -q -t "$WHEELS_IMAGE" -f - "$PIP_FIND_LINKS" >/dev/null
fi

make images ENGINES="${*:-stub light demucs pyannote}"
make test-docker
