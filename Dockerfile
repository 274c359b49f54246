# The service without a store of its own: set POPULER_REDIS_URL, or mount a volume at /data for the bundled Valkey.
#
# For an image that can be built again, pin its base by the digest that the registry names today:
#   docker buildx imagetools inspect python:3.13-slim --format '{{.Manifest.Digest}}'
#   docker build --build-arg PYTHON=python:3.13-slim@sha256:… .
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/populer && .ci/locked run build >/tmp/locked.txt \
    && /opt/populer/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps -r /tmp/locked.txt \
    && /opt/populer/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/populer/bin/pip check && .ci/locked build >/tmp/build.txt && /opt/populer/bin/pip uninstall --yes -r /tmp/build.txt

FROM ${PYTHON}
COPY --from=build /opt/populer /opt/populer
RUN useradd --no-log-init --uid 10001 --no-create-home --shell /usr/sbin/nologin populer && install -d -o populer -m 0700 /data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["/opt/populer/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["/opt/populer/bin/populer"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
