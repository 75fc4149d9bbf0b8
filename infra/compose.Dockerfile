# The house and the light engine in one image, for infra/compose.yaml: flows run engines beside them, with no Docker in it.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE}
ARG TORCH_INDEX=
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_BREAK_SYSTEM_PACKAGES=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg libsndfile1 espeak-ng \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m pip install --no-cache-dir ${TORCH_INDEX:+--index-url ${TORCH_INDEX}} torch==2.13.0
COPY infra/requirements.txt /app/infra/requirements.txt
COPY containers/light/requirements.txt /app/containers/light/requirements.txt
RUN python3 -m pip install --no-cache-dir --no-deps --require-hashes \
        -r /app/infra/requirements.txt -r /app/containers/light/requirements.txt
COPY . /app
RUN printf '#!/bin/sh\nexec python3 -m flows.cli.main "$@"\n' > /usr/local/bin/voicecast && chmod 755 /usr/local/bin/voicecast
ENV HOME=/home/voicecast PREFECT_HOME=/home/voicecast/prefect VOICECAST_CACHE_DIR=/home/voicecast/cache \
    VOICECAST_WEIGHTS_DIR=/weights
RUN install -d -o 10001 -g 10001 /home/voicecast /store /series /weights
WORKDIR /app
USER 10001:10001
CMD ["voicecast", "--help"]
