# One image for every process of Maskline; docker-compose.yml says which one a container runs.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/run.lock requirements/run.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.lock
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/maskline maskline
COPY --from=build /venv /venv
USER maskline
WORKDIR /var/lib/maskline
ENV PATH=/venv/bin:$PATH MASKLINE_DATA_DIR=/var/lib/maskline PYTHONUNBUFFERED=1
ENTRYPOINT ["maskline"]
