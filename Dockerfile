# syntax=docker/dockerfile:1
# The poolproof worker and command line in a small image. Build: docker build -t poolproof .
#
# The image holds the program, the libraries it is linked with, and certificates: no shell, no package manager. Where it is built
# is an argument, so that the same file builds from a mirror or from an image made by hand.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm

FROM ${BUILD_IMAGE} AS build
# SQLite, and the cryptography of TLS (ring), are compiled from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package poolproof --features amqp,cloud,otel --bin poolproof

# Whole, so that the image itself needs no shell to be made.
RUN worker/deploy/root-files target/release/poolproof /root-files

FROM scratch
LABEL org.opencontainers.image.title="poolproof" \
      org.opencontainers.image.description="What will this AKS node pool change do to the pods that keep the cluster alive?" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /root-files /
# A number, so that Kubernetes can check runAsNonRoot. /data is the only place that is written to: run with a read-only
# root file system and a volume on /data that this user may write (a local disk: the queue does not work on Azure Files).
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/usr/local/bin \
    POOLPROOF_QUEUE=sqlite:/data/queue.db \
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
