# One image for every process: `web`, `relay`, `clock`, `jobs`, `consume …`, `migrate`; `up` is all in one.

FROM python:3.12-slim AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/marketable
# The locked packages first: they change seldom, and this layer with them.
COPY requirements.txt ./
RUN /opt/marketable/bin/pip install --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml ./
COPY config config
COPY service service
COPY consumers consumers
RUN /opt/marketable/bin/pip install --no-index --no-deps --no-build-isolation .


FROM python:3.12-slim
RUN groupadd --system --gid 10001 marketable \
    && useradd --system --uid 10001 --gid marketable --home-dir /data --no-create-home \
         --shell /usr/sbin/nologin marketable \
    && install --directory --owner marketable --group marketable /data
COPY --from=build /opt/marketable /opt/marketable
ENV PATH=/opt/marketable/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MARKETABLE_HOST=0.0.0.0 \
    MARKETABLE_PORT=8000 \
    MARKETABLE_DATA_DIR=/data
# By number: a cluster that refuses root can tell that this is not root.
USER 10001:10001
WORKDIR /data
# All that is written goes here and to /tmp; the rest of the file system may be read-only.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Processes other than `web` and `up` answer on MARKETABLE_HEALTH_PORT: a container for one of them sets it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; p = os.environ.get('MARKETABLE_HEALTH_PORT') or os.environ['MARKETABLE_PORT']; r.urlopen(f'http://127.0.0.1:{p}/health/live', timeout=4)"]
ENTRYPOINT ["marketable"]
CMD ["up"]
