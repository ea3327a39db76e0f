FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /retrainer ./cmd/retrainer

# Nothing but the program and the certificates that TLS needs; no shell, no user but a number.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /retrainer /retrainer
USER 65532:65532
EXPOSE 9280
ENTRYPOINT ["/retrainer"]
CMD ["serve"]
