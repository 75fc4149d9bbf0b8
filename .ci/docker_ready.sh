# Sourced by the scripts beside it: a Docker daemon that answers, the base image, the build of torch that pip is told to
# take. Sets `client`; where something cannot be had, it calls `without REASON`, which ends the script.

client=/usr/bin/docker

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
answers || without "no Docker daemon answers"

# Machines that reach no container registry have a tool that makes the base image of Debian packages.
maker=../shared/tools/make-base-image.sh
base=python:3.11-slim-bookworm
if ! "$client" image inspect "$base" >/dev/null 2>&1 && ! "$client" pull -q "$base" >/dev/null 2>&1; then
    [ -x "$maker" ] || without "no base image $base"
    made=$(DOCKER=$client "$maker" "$base" 2>&1) || { echo "$made"; without "no base image $base"; }
fi

if [ -z "${WHEELS_IMAGE:-}" ] && compgen -G "${PIP_FIND_LINKS:-/nowhere}/torch-*.whl" >/dev/null; then
    export WHEELS_IMAGE=local/wheels
    printf 'FROM scratch\nCOPY torch-*.whl /\n' |
        DOCKER_BUILDKIT=1 "$client" build -q -t "$WHEELS_IMAGE" -f - "$PIP_FIND_LINKS" >/dev/null
fi
