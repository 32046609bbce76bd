# The supervisor with the core and its media workers. PostgreSQL is a service of its own: see docker-compose.yml.

FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN python -m venv /opt/dzvin && /opt/dzvin/bin/pip install --no-cache-dir /src

FROM python:3.11-slim-bookworm
# The codecs beside G.711: docs/media.md.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgsm1 libopus0 libspandsp2 libspeex1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/dzvin /opt/dzvin
RUN useradd --system --create-home --home-dir /var/lib/dzvin dzvin && chmod 0700 /var/lib/dzvin
ENV PATH=/opt/dzvin/bin:$PATH PYTHONUNBUFFERED=1
USER dzvin
VOLUME /var/lib/dzvin
EXPOSE 8080/tcp 5060/udp 40000-64999/udp
ENTRYPOINT ["dzvin"]
CMD ["run", "--data", "/var/lib/dzvin"]
