# SPDX-License-Identifier: GPL-2.0
#
# Every target makes what it needs first; what takes long is kept in CARP_CACHE.

KERNEL ?= stock
export KERNEL CPUS MEM ICOUNT APPEND OUT TIMEOUT CARP_CACHE

define HELP
make demo        two nodes share an address, one dies, the other takes over
make test        everything that must be green, ends with: N passed, N failed
make test-long   the same, with storms ten times as long
make test-debug  selftests and storms on the sanitizer kernel (built once: half an hour)
make check       formatting, lints, layer rules
make bench       what packets, adverts and changes cost, beside macvlan and keepalived

make module      carp.ko, for KERNEL, in build/KERNEL/module
make plugin      link_carp.so, for ip, in build/plugin
make vm          a root shell in the VM
make vm RUN=path/to/script [ARGS=...]   the script's output and exit status;
                 any fault in the kernel log fails the run
make update      asks apt for a newer kernel of the series
make clean       removes build/ (the cache stays: remove it by hand)

  KERNEL=stock|debug   Debian's own kernel (default), or the sanitizer kernel
  CPUS=n  MEM=mib      of the VM (2, for storms 4; 1024)
  ICOUNT=1             one processor in virtual time, repeatable
  APPEND="word ..."    more of the kernel's command line (kmemleak=off: the
                       sanitizer kernel is three times as fast)
  OUT=dir              where files of the guest's $$OUT and the kernel log go
  TIMEOUT=seconds      for a run in the VM (600; debug: 1800)
  TESTS="name ..."     only these of tests/selftests and tests/storms; storms: all
                       of those (make test, test-debug)
  STORM_SECONDS=n STORM_COUNT=n   how long, how often a storm tries (20, 30; test-long:
                       60, 200)   STORM_SEED=n  its dice
  CARP_CACHE=dir       where the set-up is kept (~/.cache/carp)
endef

.PHONY: help demo test test-long test-debug check bench module modules plugin vm update clean

help:
	$(info $(HELP))
	@:

demo:
	scripts/demo

test:
	scripts/test

test-long:
	scripts/test long

test-debug:
	scripts/test debug

check:
	scripts/check

bench:
	scripts/bench $(if $(STORE),store)

module modules:
	scripts/build-module $(KERNEL)

plugin:
	scripts/build-plugin

vm:
	@qemu/run $(RUN) $(if $(RUN),$(ARGS))

update:
	scripts/setup-kernel --update

clean:
	rm -rf build
