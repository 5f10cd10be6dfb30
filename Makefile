# eks-sim: `make demo` and `make test` do all set-up themselves.
SHELL := /bin/bash
BUILD ?= .build
PATH_WITH_CLIENTS = PATH="$$(Tests/EndToEnd/setup.sh):$$PATH"

.PHONY: demo test bench lint format vectors known-failing sanitize soak soak-forged fuzz facts release setup clean

## demo: build a release binary and walk the main job with the real aws and kubectl
demo: release
	$(PATH_WITH_CLIENTS) Tests/EndToEnd/demo.sh $(BUILD)/release/eks-sim

## test: every test, end-to-end ones with the real clients included
test: setup
	swift build --scratch-path $(BUILD) --build-tests
	$(PATH_WITH_CLIENTS) EKS_SIM_BINARY="$(CURDIR)/$(BUILD)/debug/eks-sim" swift test --scratch-path $(BUILD) --skip-build

## release: the binary, optimised
release: setup
	swift build --scratch-path $(BUILD) -c release --product eks-sim

## lint: formatting, and the house rules that a search can see
lint:
	Tests/Lint/lint.sh

## format: apply the formatting
format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests

## vectors: run every vector file of a directory (DIR=…) against the engines
vectors: setup
	@test -n "$(DIR)" || { echo "usage: make vectors DIR=directory"; exit 2; }
	swift build --scratch-path $(BUILD) --product vector-runner
	$(BUILD)/debug/vector-runner "$(DIR)"

## known-failing: write the list of recorded HTTP vectors that do not pass yet
known-failing: setup
	swift build --scratch-path $(BUILD) --product vector-runner
	$(BUILD)/debug/vector-runner Fixtures/vectors | sed -n 's|^http.json: \([^ ]*\)/steps/[0-9]*: .*|\1|p' | sort -u >Fixtures/vectors/http.known-failing

## bench: what the README's figures come from
bench: release
	$(PATH_WITH_CLIENTS) Tests/Benchmarks/bench.sh $(BUILD)/release/eks-sim

## sanitize: the concurrent parts under ThreadSanitizer
sanitize: setup
	swift test --scratch-path .build-tsan --sanitize thread -Xswiftc -DTHREAD_SANITIZER \
		--filter '^(StoreTests|StoreSQLiteTests|WorldTests|FrontendTests|KubeAPIServerTests)\.'

## soak: kill -9 under write load, again and again (SEEDS=20), and 100,000 forged tokens (FORGED=100000)
soak: release soak-forged
	$(PATH_WITH_CLIENTS) python3 Tests/EndToEnd/kill_under_load.py $(BUILD)/release/eks-sim --seeds $${SEEDS:-20}

## soak-forged: forged tokens and mutated texts by the hundred thousand, every one refused, none crashing
soak-forged: setup
	swift build --scratch-path $(BUILD) --build-tests
	FORGED=$${FORGED:-100000} swift test --scratch-path $(BUILD) --skip-build --filter 'ForgedTokenTests|ParserFuzzTests'

## fuzz: an hour's worth of mutated texts for the parsers of untrusted text, by an optimised build in a fifth of that (FORGED=5600000 each)
fuzz: setup
	swift build --scratch-path .build-fuzz -c release --build-tests -Xswiftc -enable-testing
	FORGED=$${FORGED:-5600000} swift test --scratch-path .build-fuzz -c release --skip-build --filter ParserFuzzTests

## facts: rebuild the embedded tables from their origin (FACTS=directory with the extracted files)
facts:
	Tests/Lint/facts.sh "$(FACTS)"

setup:
	@Tests/EndToEnd/setup.sh >/dev/null

clean:
	rm -rf $(BUILD) .build-tsan .build-fuzz
