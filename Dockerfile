# syntax=docker/dockerfile:1
# The service: no torch, no compiler, no root. The model is part of the package; nothing is fetched at run time.
# Pin harder with --build-arg BASE=python:3.12-slim-bookworm@sha256:...
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /opt/plaudit
COPY pyproject.toml README.md LICENSE ./
COPY .packaging/ .packaging/
COPY nlp/ nlp/
COPY service/ service/
COPY training/ training/
COPY models/ models/
RUN /opt/plaudit/bin/pip install --no-cache-dir --disable-pip-version-check ".[postgres,otel,redis]"
# An image whose model does not answer, or that carries torch, shall not come to be.
RUN echo "Which glue holds the rail?" | /opt/plaudit/bin/plaudit classify
RUN /opt/plaudit/bin/python -c "import importlib.util as u; assert not u.find_spec('torch')"

FROM ${BASE}
LABEL org.opencontainers.image.title="plaudit" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 plaudit \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin plaudit \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/plaudit /opt/plaudit
ENV PATH=/opt/plaudit/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PLAUDIT_HOST=0.0.0.0 \
    PLAUDIT_PORT=8000 \
    PLAUDIT_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PLAUDIT_PORT']}/health/ready\", timeout=4)"]
ENTRYPOINT ["plaudit"]
CMD ["serve"]
