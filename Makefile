# Thin: each target is one script or one preset. `make help` lists them.
.DEFAULT_GOAL := help
KAFKA ?=

.PHONY: help deps build run demo test check fuzz torture bench
help:
	@echo "make run    build, start the try-out broker and both daemons, count a sample; Ctrl-C ends it"
	@echo "            make run KAFKA=host:port uses that Kafka instead"
	@echo "make demo   the same, but ends after the table"
	@echo "make test   everything: unit tests, sanitizers, fuzzing for seconds, the real Kafka"
	@echo "make torture  what nothing may lose or spoil: kills, full disks, brokers away, abuse; LIST=1 names the rows,"
	@echo "            ROW=name[,name] and COUNT=n choose, FRESH=1 forgets earlier results; all rows, then fuzz"
	@echo "make fuzz   each parser of outside bytes for 5 minutes of processor time (SECONDS=n), hours added up"
	@echo "make bench  how fast it is, side by side with nginx and others, in one table; LIST=1 names the"
	@echo "            rows, ROW=name[,name] chooses, COUNT=n rounds of TIME=n seconds, LONG=1 the long rows too"
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

fuzz:
	@tests/deps.sh test
	@cmake --preset fuzz > /dev/null
	@cmake --build --preset fuzz | tail -n 1
	@tests/fuzz/run.sh --hours $(or $(SECONDS),300)

torture: $(if $(LIST),,build)
	@tests/deps.sh test
	@$(if $(LIST),,tests/broker/kafka/kafka.sh fetch)
	@/usr/bin/python3 tests/torture $(if $(LIST),--list) $(if $(ROW),--row $(ROW)) $(if $(COUNT),--count $(COUNT)) $(if $(FRESH),--fresh)
	@$(if $(LIST)$(ROW),,$(MAKE) --no-print-directory fuzz)

bench: $(if $(LIST),,build)
	@tests/deps.sh bench
	@$(if $(LIST),,tests/broker/kafka/kafka.sh fetch)
	@/usr/bin/python3 tests/bench $(if $(LIST),--list) $(if $(ROW),--row $(ROW)) $(if $(COUNT),--count $(COUNT)) \
		$(if $(TIME),--time $(TIME)) $(if $(LONG),--long)
