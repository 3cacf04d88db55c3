# Everything here needs Go and make. `make race` and `make e2e` also need a C compiler: the race detector and the forge's
# database are C.

GO ?= go
BIN := bin
MESHC := $(BIN)/meshc
# A number of inputs: before Go 1.27, fuzzing for a duration sometimes fails for no reason (golang/go#75804).
FUZZTIME ?= 20000x
STATICCHECK_VERSION := v0.8.2
STATICCHECK := $(BIN)/staticcheck-$(STATICCHECK_VERSION)
ACTIONLINT_VERSION := v1.7.12
ACTIONLINT := $(BIN)/actionlint-$(ACTIONLINT_VERSION)
# The next versions of goreleaser need a newer Go, or a module that the proxy refuses.
GORELEASER_VERSION := v2.15.4
GORELEASER := $(BIN)/goreleaser-$(GORELEASER_VERSION)
CYCLONEDX_VERSION := v1.10.0
CYCLONEDX := $(BIN)/cyclonedx-$(CYCLONEDX_VERSION)/cyclonedx-gomod
RELEASE = PATH="$(CURDIR)/$(dir $(CYCLONEDX)):$$PATH" $(GORELEASER) release --clean
# The time of the commit is that of everything in a release.
EPOCH = SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct)
IMAGE = cd testdata/release/image && $(EPOCH) $(GO) run .
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# `./...` does not match folders named testdata, nor nested modules.
PACKAGES := ./... ./testdata/bench ./testdata/draft ./testdata/golden ./testdata/playground ./testdata/synth/... ./testdata/told

# The module and the modules nested in it.
MODULES := $(dir $(shell git ls-files '*go.mod'))

# Vet inspects every dependency, once for each set of analyzers and each kind of build. `go vet` after `go test` would
# inspect all of them twice, so the tests run all of vet's analyzers instead of the few that they run by default.
VET := -vet=all

# $(call with_tests,REGEXP) lists the packages whose tests have a line that matches.
with_tests = $(GO) list -f '{{.Dir}} {{.ImportPath}}' $(PACKAGES) | while read -r dir package; do \
	if grep -qs '$(1)' "$$dir"/*_test.go; then echo "$$package"; fi; done

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/meshc
	$(GO) build -o $(MESHC) ./cmd/meshc

.PHONY: test
test: ## run all tests, and vet them
	$(GO) test $(VET) $(PACKAGES)

.PHONY: check
check: tidy format vet staticcheck actionlint examples ## modules tidy, gofmt, vet, staticcheck, actionlint, and the examples build

.PHONY: tidy
tidy:
	@for dir in $(MODULES); do echo "$$dir"; (cd $$dir && $(GO) mod tidy -diff) || exit 1; done

.PHONY: format
format:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted by gofmt:" $$files; exit 1; fi

# `make test` vets all other packages.
.PHONY: vet
vet:
	$(GO) test $(VET) -run '^$$' ./testdata/e2e ./testdata/e2e/kube ./testdata/editors ./testdata/release

.PHONY: staticcheck
staticcheck: $(STATICCHECK)
	$(STATICCHECK) $(PACKAGES) ./testdata/e2e/... ./testdata/editors ./testdata/release

$(STATICCHECK):
	GOBIN=$(CURDIR)/$(BIN)/install $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv $(BIN)/install/staticcheck $@ && rmdir $(BIN)/install

# actionlint also runs shellcheck and pyflakes if it finds them. Without them it reports the same on every machine.
.PHONY: actionlint
actionlint: $(ACTIONLINT)
	$(ACTIONLINT) -shellcheck= -pyflakes= examples/ci/github/*.yaml .github/workflows/*.yaml

$(ACTIONLINT):
	GOBIN=$(CURDIR)/$(BIN)/install $(GO) install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	mv $(BIN)/install/actionlint $@ && rmdir $(BIN)/install

# The race detector takes a build of its own; vet has seen the packages in `make test`.
.PHONY: race
race: ## run all tests with the race detector
	$(GO) test -race -vet=off $(PACKAGES)

# Every folder of examples is a project that builds, or has one beside what it was made of, except broken (projects that must not)
# and ci (recipes).
.PHONY: examples
examples: build ## build the examples into build/examples; those in examples/broken must fail
	@mkdir -p build
	@for dir in examples/*/; do \
		name=$$(basename $$dir); \
		case $$name in broken|ci) continue ;; esac; \
		if [ -d $${dir}project ]; then dir=$${dir}project; fi; \
		$(MESHC) build $$dir -o build/examples/$$name || exit 1; \
	done
	@for dir in examples/broken/*/; do \
		if $(MESHC) check $$dir >build/broken.txt 2>&1; then code=0; else code=$$?; fi; \
		if [ $$code -ne 1 ]; then cat build/broken.txt; echo "$$dir: exit code $$code; want 1"; exit 1; fi; \
	done

# Vet type-checks the tests for the other systems too.
.PHONY: cross
cross: ## build for Linux, macOS and Windows, on amd64 and arm64, into build/
	@for platform in $(PLATFORMS); do \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0; \
		echo "$$GOOS/$$GOARCH"; \
		$(GO) build -o build/$$GOOS-$$GOARCH/ ./cmd/meshc || exit 1; \
	done
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...

# Both tools are built once, goreleaser in many minutes.
.PHONY: release-snapshot
release-snapshot: $(GORELEASER) $(CYCLONEDX) release-docs ## build everything of a release into build/release, twice, and test it
	$(RELEASE) --snapshot
	$(IMAGE) $(CURDIR)/build/release $(CURDIR)/build/release/image > $(CURDIR)/build/release/image.txt
	cat build/release/checksums.txt build/release/image.txt > build/first.txt
	$(RELEASE) --snapshot
	$(IMAGE) $(CURDIR)/build/release $(CURDIR)/build/release/image > $(CURDIR)/build/release/image.txt
	cat build/release/checksums.txt build/release/image.txt | cmp build/first.txt -
	$(GO) test $(VET) -count=1 ./testdata/release

# The workflow of releases runs both on a tag.
.PHONY: release
release: $(GORELEASER) $(CYCLONEDX) release-docs
	$(RELEASE)
	$(IMAGE) $(CURDIR)/build/release $(CURDIR)/build/release/image
	$(GO) test $(VET) -count=1 ./testdata/release

.PHONY: release-image
release-image:
	@$(IMAGE) $(CURDIR)/build/release/image $(REGISTRY)

# Man pages and completions, with the date of the commit.
.PHONY: release-docs
release-docs: build
	rm -rf build/docs
	$(EPOCH) $(MESHC) docs build/docs

$(GORELEASER):
	GOBIN=$(CURDIR)/$(BIN)/install $(GO) install -p 1 github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
	mv $(BIN)/install/goreleaser $@ && rmdir $(BIN)/install

$(CYCLONEDX):
	GOBIN=$(CURDIR)/$(dir $@) $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)

.PHONY: fuzz
fuzz: ## run each fuzz target on FUZZTIME inputs (20000x)
	@for package in $$($(call with_tests,^func Fuzz)); do \
		targets=$$($(GO) test -list '^Fuzz' $$package) || { echo "$$targets"; exit 1; }; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -vet=off -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package || \
				{ git ls-files --others '*testdata/fuzz/*' | xargs -r tail -n +1; exit 1; }; \
		done; \
	done

.PHONY: bench
bench: ## measure time, memory and bytes of builds, diffs, audits and publishes of 1,000 and 10,000 services, of logs and metrics, and what an editor waits for
	$(GO) run ./testdata/bench
	$(GO) test -run '^$$' -bench . -benchtime 3x ./targets/gitops

# No staticcheck: it would first analyze all of Istio and Kubernetes.
.PHONY: conformance
conformance: ## let Istio's own code and cyclonus judge what meshc writes; minutes if nothing is cached
	cd targets/istio/conformance && $(GO) test $(VET) -count=1 -timeout 40m -v ./...
	cd targets/networkpolicy/conformance && $(GO) test $(VET) -count=1 -timeout 20m -v ./...

# No vet: it would first analyze all of Cilium and Kubernetes.
.PHONY: conformance-cilium
conformance-cilium: ## let Cilium's own code judge what meshc writes for it; minutes if nothing is cached
	cd targets/cilium/conformance && $(GO) test -vet=off -count=1 -timeout 20m -v ./...

.PHONY: e2e
e2e: ## publish to a real forge and a real SSH server, and learn from a real Prometheus; ten minutes the first time, which builds the forge
	$(GO) test $(VET) -count=1 -timeout 30m ./testdata/e2e

.PHONY: cluster
cluster: ## read a real cluster, kube-apiserver and etcd, and have istiod in it judge what meshc writes; half an hour the first time, which builds them
	$(GO) test $(VET) -count=1 -timeout 60m ./testdata/e2e/kube
	cd targets/istio/conformance && CLUSTER=1 $(GO) test -vet=off -count=1 -timeout 60m -v -run '^TestCluster$$' .

.PHONY: kills
kills: ## kill builds and publishes at 200 random instants each
	$(GO) test $(VET) -count=1 -timeout 20m ./targets/folder ./targets/gitops -run Kill -kills 200

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { \
		sudo=; [ $$(id -u) -eq 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-dejavu-core; \
	}

.PHONY: browser
browser: chromium $(STATICCHECK) ## open the page and the picture of meshc graph in Chromium; installs Debian's if there is none
	cd cmd/meshc/internal/graph/browser && $(CURDIR)/$(STATICCHECK) ./... && $(GO) test $(VET) -count=1 ./...

.PHONY: site
site: playground ## build the documentation into build/site, with the playground in it, and look for dead links
	cd grammar/site && $(GO) test $(VET) -count=1 ./...
	cd grammar/site && $(GO) run . -repository ../.. -version $$(git rev-parse HEAD) -playground $(CURDIR)/build/playground $(CURDIR)/build/site

.PHONY: playground
playground: ## build the playground, a folder of static files in build/playground; needs Node.js
	$(GO) run ./testdata/playground build/playground
	mkdir -p build/page && cp cmd/meshc/internal/playground/page/package*.json cmd/meshc/internal/playground/page/page.js grammar/editors/codemirror/* build/page
	cd build/page && npm ci --no-audit --no-fund && npm run --silent bundle -- --outfile=$(CURDIR)/build/playground/page.js

.PHONY: playground-test
playground-test: playground chromium ## do in the playground what a person does, in Chromium
	cd cmd/meshc/internal/playground/browser && $(GO) test $(VET) -count=1 -v ./...

# The lock files have the digest of every package of npm.
.PHONY: editors
editors: build ## hold what editors have of meshc against meshc, in their own libraries; needs Node.js
	mkdir -p build/editors build/vscode
	cp testdata/editors/*.js* testdata/editors/*.cjs build/editors && cp -r grammar/editors/vscode/. build/vscode
	cd build/editors && npm ci --no-audit --no-fund
	cd build/vscode && npm ci --no-audit --no-fund && npm run --silent bundle && npm run --silent package
	$(GO) test $(VET) -count=1 ./testdata/editors

.PHONY: update
update: ## rewrite the golden files of all tests
	$(GO) test $(VET) $$($(call with_tests,/testdata/golden"$$)) -update

.PHONY: clean
clean:
	rm -rf $(BIN) build
