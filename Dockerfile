# One file, two images:
#   docker build --target cpu  --tag sonant:0.1.0-cpu .
#   docker build --target cuda --tag sonant:0.1.0-cuda .
FROM scratch AS sources
COPY platform /platform
COPY models /models
COPY jobs /jobs
COPY serve_apps /serve_apps
COPY configs /configs

FROM python:3.11.14-slim-bookworm AS base
# ssh and rsync are how a head node of the cluster launcher reaches its workers; wget is what KubeRay probes with.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client rsync wget \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 sonant
# No Ray process starts without a token: an open dashboard runs any command it is sent. Workers keep normal priority.
ENV RAY_AUTH_MODE=token RAY_worker_niceness=0 PIP_NO_CACHE_DIR=1
WORKDIR /srv/sonant
# Dependencies first, against empty packages: sources change daily, torch does not. boto3: the launcher's AWS provider.
COPY pyproject.toml constraints.txt README.md ./
RUN mkdir -p platform/sonant models jobs serve_apps && chown -R sonant: .

FROM base AS cpu
RUN python -m pip install --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
RUN python -m pip install --constraint constraints.txt --editable '.[all,cpu,cloud]' boto3
COPY --from=sources --chown=sonant:sonant / ./
USER sonant

FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN python -m pip install --constraint constraints.txt --editable '.[all,gpu,cloud]' boto3
COPY --from=sources --chown=sonant:sonant / ./
USER sonant
