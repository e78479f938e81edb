# make run: train, write with and look into a small GPT.   make test: every test there is.
.PHONY: run test build format lint bench clean

SWIFT ?= swift
CONFIGURATION = -c release

run: build
	.build/release/attn run examples/train_gpt.attn

build: needs
	$(SWIFT) build $(CONFIGURATION) --product attn

test: needs lint
	$(SWIFT) build $(CONFIGURATION) --build-tests
	$(SWIFT) test $(CONFIGURATION) --skip-build
	Tests/command.sh
	Tests/Kernels/run.sh

# What has to be there before anything builds.
needs:
	@./scripts/needs.sh

lint: needs
	@$(SWIFT) format lint --strict --recursive Sources Tests examples Package.swift

format:
	$(SWIFT) format --in-place --recursive Sources Tests examples Package.swift

bench: build
	python3 bench/bench.py
	python3 bench/attention.py

clean:
	rm -rf .build
