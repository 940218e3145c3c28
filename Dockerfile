# One image for every part: web, worker, scheduler. The server of the jobs is another one (see docker-compose.yml).
# The base images are named by their tags and not by digests, so that each build has their newest security fixes. Where
# builds must be repeatable, pin both: FROM node:22-slim@sha256:…, as `docker buildx imagetools inspect` tells it.
FROM node:22-slim AS frontend
WORKDIR /build
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --omit=dev

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home headway
WORKDIR /app
COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/app.txt
COPY run.py ./
COPY workers workers
COPY realtime realtime
COPY frontend frontend
COPY --from=frontend /build/node_modules frontend/node_modules
RUN mkdir -m 700 .headway && chown headway .headway
USER headway
EXPOSE 5000
CMD ["python", "run.py", "web"]
