# Thin: each target is one script or one preset. `make help` lists them.
.DEFAULT_GOAL := help
KAFKA ?=

.PHONY: help deps build run demo test check
help:
	@echo "make run    build, start the try-out broker and both daemons, count a sample; Ctrl-C ends it"
	@echo "            make run KAFKA=host:port uses that Kafka instead"
	@echo "make demo   the same, but ends after the table"
	@echo "make test   everything: unit tests, sanitizers, fuzzing for seconds, the real Kafka"
	@echo "make build  the programs, into build/"
	@echo "make deps   install what building and testing needs"

deps:
	@tests/deps.sh test

build:
	@tests/deps.sh build
	@cmake --preset release > /dev/null
	@cmake --build --preset release

run demo: build
	@/usr/bin/python3 tests/demo/demo.py $(if $(filter demo,$@),--once) $(if $(KAFKA),--kafka $(KAFKA))

test:
	@tests/deps.sh test
	@tests/run.sh

check:
	@tests/check.sh
