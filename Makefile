# The door to the project: `make help` lists what can be done.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build dev serve test race fuzz lint bites model test-kafka test-python test-deploy test-browser test-arm64 release chaos bench ci clean

GOLANGCI_VERSION := v2.15.0
TOOLS            := $(CURDIR)/.cache/bin
FUZZTIME         ?= 10s
# The pure packages start no goroutine (internal/walls holds them to it): nothing there can race.
RACE             ?= ./consumer/... ./retrain/service ./retrain/worker/... ./internal/sim/... ./cmd/... ./examples/...
RACE_SKIP        ?= EveryRequest|AnyStep|Overtaking|CutAnywhere|LongAfterItsDeadline|LosesOrDoubles|PlantedBug|Runner|Million|$(RACE_TWICE)
# What goes the ways that other tests go under the detector (each flag's script, help's examples, the demo twice more, workers killed), has one goroutine, or measures times.
RACE_TWICE       := EveryFlag|AtEachLineOfTheirLife|AgreesWithFranzGo|AFloodOfOutput|NearTheLimits|AtTheirLedgerTime|ShellsComplete|ExampleOfHelp|SameCommandsAndDecisions|LeavesNothingBehind

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the program, as ./retrainer
	CGO_ENABLED=0 go build -trimpath -o retrainer ./cmd/retrainer

dev: ## embedded broker and the whole service, data in ./retrainer-data
	go run ./cmd/retrainer dev

serve: ## the service against a real Kafka: make serve ARGS="--brokers 127.0.0.1:19092"
	go run ./cmd/retrainer serve $(ARGS)

test: ## all tests that need only Go
	go test ./...

race: ## the packages that start goroutines under the race detector, but for enumerations and what is run twice: it would take too long
	go test -race -timeout 60m -parallel 4 -skip '$(RACE_SKIP)' $(RACE)

fuzz: ## every fuzzer for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

lint: $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION) ## golangci-lint, and each go.mod is tidy
	$< run --allow-parallel-runners ./...
	cd deploy && $< run --allow-parallel-runners ./...
	go mod tidy -diff
	cd test/browser && $< run --allow-parallel-runners ./... && go mod tidy -diff

$(TOOLS)/golangci-lint-$(GOLANGCI_VERSION):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

bites: ## break one rule a patch: each time the named test must fail
	go run ./bites

model: ## the protocol's model: the rules that take a second each (docs/model/run.sh has the whole)
	sh docs/model/run.sh quick

test-kafka: ## the tests that need Apache Kafka (Java 17, Maven, Python 3.11)
	@tools/kafka/run-tests

test-python: ## the examples in Python, by themselves and with the whole pipeline (Python 3.11, pip)
	@tools/python/run-tests

test-deploy: ## docker-compose.yml, Dockerfile and deploy/: read, and run as far as it goes without containers (Java 17, Maven, Debian)
	@tools/deploy/run-tests

test-browser: ## the page for people in a real browser (Chromium; Debian's is installed where there is none, as root)
	@tools/browser/run-tests

test-arm64: ## the same decisions on arm64, in an emulator (Debian, or qemu-aarch64-static on the PATH)
	@tools/arm64/run-tests

release: ## the program for linux and darwin, amd64 and arm64, in dist/, with checksums: the same commit gives the same bytes (GNU tar)
	@tools/release/build dist

chaos: ## a million events under kills and stops, three brokers and one (Java 17, Maven; about half an hour)
	@RETRAINER_CHAOS=full tools/kafka/run-tests TestChaos

bench: ## benchmarks
	go test -run '^$$' -bench . -benchmem ./...

ci: ## all that CI runs
	.ci/run

clean: ## remove what was built and downloaded here
	rm -rf retrainer dist .cache
