# make run: train, write with and look into a small GPT.   make test: every test but make proof's.
.PHONY: run test quick proof build format lint bench clean

SWIFT ?= swift
# Without debugging information, which takes an eighth of the build and two thirds of the binary:
# `make build DEBUG=dwarf` keeps it, and builds everything anew.
DEBUG ?= none
CONFIGURATION = -c release -debug-info-format $(DEBUG)

run: build
	.build/release/attn run examples/train_gpt.attn

build: needs
	$(SWIFT) build $(CONFIGURATION) --product attn

test: needs lint
	$(SWIFT) build $(CONFIGURATION) --build-tests
	$(SWIFT) test $(CONFIGURATION) --skip-build
	Tests/Kernels/run.sh
	Tests/command.sh
	.build/release/attn test --everywhere Tests/Scripts/bits
	.build/release/attn test Tests/Scripts docs README.md examples

# What takes too long for every run: the kernels give the same bits on aarch64, under qemu.
proof: needs
	Tests/Kernels/run.sh
	Tests/Kernels/aarch64.sh

# The Swift tests of the modules that were touched, or those that `make quick ONLY=NAME` names.
quick: needs
	FLAGS="$(CONFIGURATION)" ONLY="$(ONLY)" ./scripts/quick.sh

# What has to be there before anything builds.
needs:
	@./scripts/needs.sh

lint: needs
	@$(SWIFT) format lint --strict --recursive Sources Tests examples Package.swift

format:
	$(SWIFT) format --in-place --recursive Sources Tests examples Package.swift

bench: build
	$(SWIFT) build $(CONFIGURATION) --product attn-bench
	python3 bench/bench.py
	python3 bench/attention.py

clean:
	rm -rf .build
