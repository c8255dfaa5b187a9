# syntax=docker/dockerfile:1
# The poolproof worker and command line in a small image. Build: docker build -t poolproof .
#
# The base images are arguments, so that the same file builds from a mirror or from images made by hand.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
# SQLite, and the cryptography of TLS (ring), are compiled from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package poolproof --features amqp,cloud,otel --bin poolproof

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="poolproof" \
      org.opencontainers.image.description="What will this AKS node pool change do to the pods that keep the cluster alive?" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# A number, so that Kubernetes can check runAsNonRoot. /data is the only place that is written to: run with a read-only
# root file system and a volume on /data that this user may write (a local disk: the queue does not work on Azure Files).
RUN groupadd --gid 10001 poolproof \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin poolproof \
 && install -d -o 10001 -g 10001 /data /data/snapshots /data/reports
# The certificates of public authorities, for amqps://.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chmod=0755 /source/target/release/poolproof /usr/local/bin/poolproof
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV POOLPROOF_QUEUE=sqlite:/data/queue.db \
    POOLPROOF_SNAPSHOTS=dir:/data/snapshots \
    POOLPROOF_PUBLISH=dir:/data/reports \
    POOLPROOF_LOG_FORMAT=json
# SIGTERM lets the job in hand finish, or gives it back.
STOPSIGNAL SIGTERM
# Healthy where the queue can be opened and read; needs no server. Run one-off commands with --no-healthcheck. (Image
# builders keep health checks in the Docker format only: `buildah build --format docker`.)
HEALTHCHECK --interval=30s --timeout=15s --start-period=10s --retries=3 \
    CMD ["poolproof", "queue", "list", "--dead"]
ENTRYPOINT ["poolproof"]
CMD ["worker"]
