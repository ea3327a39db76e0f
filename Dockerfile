# The program in an image: docker build -t retrainer .
# For another machine than this one: docker buildx build --platform linux/amd64,linux/arm64 .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
# With .git, from which Go writes version and revision into the program; .dockerignore leaves out nothing that git has, or it would say "dirty".
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags=-s -o /out/retrainer ./cmd/retrainer
RUN mkdir /out/work

# No shell, no package, nothing to update but the program. Not scratch: certificates, /etc/passwd and a /tmp (demo needs one) are there.
FROM gcr.io/distroless/static-debian13:nonroot
COPY --from=build /out/retrainer /retrainer
# Where worker and dev keep their data: a volume that is made here belongs to the user, too.
COPY --from=build --chown=65532:65532 /out/work /work
WORKDIR /work
USER 65532:65532
EXPOSE 9280
ENTRYPOINT ["/retrainer"]
CMD ["serve"]
