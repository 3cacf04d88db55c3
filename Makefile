# Everything here needs Go and make. `make check` also needs a C compiler (for the race detector).

GO ?= go
BIN := bin
MESHC := $(BIN)/meshc
# A count: fuzzing that ends at a time fails now and then for no reason with Go before 1.27 (golang/go#75804).
FUZZTIME ?= 20000x
STATICCHECK_VERSION := v0.8.2
STATICCHECK := $(BIN)/staticcheck-$(STATICCHECK_VERSION)
ACTIONLINT_VERSION := v1.7.12
ACTIONLINT := $(BIN)/actionlint-$(ACTIONLINT_VERSION)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# `./...` leaves out folders called testdata, and modules within the module.
PACKAGES := ./... ./testdata/bench ./testdata/synth/...

# The module, and those within it: they are vetted with their tests, as they take a build of their own.
MODULES := $(dir $(shell git ls-files '*go.mod'))

# The packages with a line in their tests.
with_tests = $(GO) list -f '{{.Dir}} {{.ImportPath}}' $(PACKAGES) | while read -r dir package; do \
	if grep -qs '$(1)' "$$dir"/*_test.go; then echo "$$package"; fi; done

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/meshc
	$(GO) build -o $(MESHC) ./cmd/meshc

.PHONY: test
test: ## all tests
	$(GO) test $(PACKAGES)

.PHONY: check
check: tidy format vet staticcheck actionlint race examples cross ## everything that a change must pass besides the tests

.PHONY: tidy
tidy:
	@for dir in $(MODULES); do echo "$$dir"; (cd $$dir && $(GO) mod tidy -diff) || exit 1; done

.PHONY: format
format:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not as gofmt would have it:" $$files; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet $(PACKAGES) ./testdata/e2e

.PHONY: staticcheck
staticcheck: $(STATICCHECK)
	$(STATICCHECK) $(PACKAGES) ./testdata/e2e

$(STATICCHECK):
	GOBIN=$(CURDIR)/$(BIN)/install $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv $(BIN)/install/staticcheck $@ && rmdir $(BIN)/install

# What else it may find on the machine to look at scripts with would make its answer another.
.PHONY: actionlint
actionlint: $(ACTIONLINT)
	$(ACTIONLINT) -shellcheck= -pyflakes= examples/ci/github/*.yaml

$(ACTIONLINT):
	GOBIN=$(CURDIR)/$(BIN)/install $(GO) install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	mv $(BIN)/install/actionlint $@ && rmdir $(BIN)/install

.PHONY: race
race:
	$(GO) test -race $(PACKAGES)

# Each folder of examples is a project that builds, but for these: projects that must not, and texts for CI systems.
.PHONY: examples
examples: build ## build the examples into build/examples; those in examples/broken must fail
	@mkdir -p build
	@for dir in examples/*/; do \
		name=$$(basename $$dir); \
		case $$name in broken|ci) continue ;; esac; \
		$(MESHC) build $$dir -o build/examples/$$name || exit 1; \
	done
	@for dir in examples/broken/*/; do \
		if $(MESHC) check $$dir >build/broken.txt 2>&1; then code=0; else code=$$?; fi; \
		if [ $$code -ne 1 ]; then cat build/broken.txt; echo "$$dir ended with $$code, not with 1"; exit 1; fi; \
	done

# The tests are compiled for the other systems too, by vet.
.PHONY: cross
cross: ## build for Linux, macOS and Windows, on amd64 and arm64, into build/
	@for platform in $(PLATFORMS); do \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0; \
		echo "$$GOOS/$$GOARCH"; \
		$(GO) build -o build/$$GOOS-$$GOARCH/ ./cmd/meshc || exit 1; \
	done
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (20000x) inputs
	@for package in $$($(call with_tests,^func Fuzz)); do \
		targets=$$($(GO) test -list '^Fuzz' $$package) || { echo "$$targets"; exit 1; }; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## time, memory and bytes of builds, diffs and publishes of 1,000 and 10,000 services
	$(GO) run ./testdata/bench
	$(GO) test -run '^$$' -bench . -benchtime 3x ./targets/gitops

# Without staticcheck, which would look at all of Istio and Kubernetes first.
.PHONY: conformance
conformance: ## Istio's own code as the judge of what meshc writes; minutes when nothing is cached
	cd targets/istio/conformance && $(GO) vet ./... && $(GO) test -count=1 -timeout 40m -v ./...

.PHONY: e2e
e2e: ## publish to a real forge and a real SSH server; ten minutes on the first run, which builds the forge
	$(GO) test -count=1 -timeout 30m ./testdata/e2e

.PHONY: kills
kills: ## builds and publishes killed at 200 random instants each
	$(GO) test -count=1 -timeout 20m ./targets/folder ./targets/gitops -run Kill -kills 200

.PHONY: browser
browser: $(STATICCHECK) ## the page and the picture of meshc graph in a real Chromium; installs Debian's where there is none
	@command -v chromium >/dev/null || { \
		sudo=; [ $$(id -u) -eq 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-dejavu-core; \
	}
	cd cmd/meshc/internal/graph/browser && $(GO) vet ./... && $(CURDIR)/$(STATICCHECK) ./... && $(GO) test -count=1 ./...

.PHONY: update
update: ## write the golden files of all tests anew
	$(GO) test $$($(call with_tests,flag.Bool."update")) -update

.PHONY: clean
clean:
	rm -rf $(BIN) build
