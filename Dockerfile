# docker build -t imgclf . && docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" imgclf train
FROM python:3.14-slim AS build
COPY . /src
RUN pip wheel --no-cache-dir --wheel-dir /wheels /src

FROM python:3.14-slim
RUN --mount=from=build,source=/wheels,target=/wheels pip install --no-cache-dir --no-index --find-links /wheels imgclf
# For the caches: whoever --user names has no folder of its own.
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["imgclf"]
