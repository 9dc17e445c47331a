# SPDX-License-Identifier: MIT
#
# Builds the reporter (bin/memshim), the shim (lib/libmemshim.so) and what tests them, all under
# $(BUILD). The two halves are compiled by different rules on purpose: the reporter is an ordinary
# hardened program; the shim runs inside other programs, so nothing in it may abort.
#
# Yours to set: CC, CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR, BUILD, WERROR=1, V=1 (show commands).

BUILD = build
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
CROSS_CC = aarch64-linux-gnu-gcc
PYTHON = $(shell scripts/python)

# ---- Flags ---------------------------------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	-Wvla $(if $(filter 1,$(WERROR)),-Werror)
COMMON = -std=gnu11 -I. -D_GNU_SOURCE -MMD -MP $(WARNINGS)

# FORTIFY needs an optimising compiler, and gets in a sanitizer's way.
SANITIZE =
SANITIZER = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
FORTIFY = $(if $(SANITIZE),,$(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-D_FORTIFY_SOURCE=2))

# The reporter runs on a stack of 64K, too. A sanitizer's frames are larger.
FRAMES = $(if $(SANITIZE),,-Wframe-larger-than=14336)

REPORT_CFLAGS = $(COMMON) -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE $(FORTIFY) $(SANITIZER) \
	$(FRAMES) -pthread
REPORT_LIBS = -ldw -lelf -lncursesw -lzstd -ldl
REPORT_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SANITIZER) -pthread

# A hook may run on the last KiB of a signal stack: 768 bytes for all its frames together. What runs
# at start-up alone may take more.
HOOK_FRAMES = $(if $(filter -O2 -O3 -Os,$(CFLAGS)),-Wframe-larger-than=288)
START_SOURCES = preload/libc.c preload/redirect.c preload/session.c preload/settings.c preload/start.c

SHIM_CFLAGS = $(COMMON) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector \
	-U_FORTIFY_SOURCE
# One segment for code and constants: every process maps the shim, and each mapping costs it 4 us.
# Without the compiler's start files: nothing of theirs is needed here, and each symbol that they
# refer to is searched for in every library.
SHIM_LDFLAGS = -shared -nostartfiles -Wl,-z,defs,-z,relro,-z,now,-z,initfirst,-z,nodelete \
	-Wl,--hash-style=gnu,-z,noseparate-code \
	-Wl,-soname,libmemshim.so -Wl,--version-script=preload/exports.map

TEST_CFLAGS = $(COMMON) -pthread
TEST_LIBS = -ldl

# ---- Files ---------------------------------------------------------------------------------------

REPORT_SOURCES = $(wildcard report/*.c report/*/*.c)
SHIM_SOURCES = $(wildcard preload/*.c preload/*.S)
UNIT_SOURCES = $(wildcard tests/units/*.c)
TARGET_SOURCES = $(filter-out tests/targets/lib%,$(wildcard tests/targets/*.c))
TARGET_LIBRARY_SOURCES = $(wildcard tests/targets/lib*.c)
# LTTng-UST is one of the tools that bench compares with, if it is here.
LTTNG_SOURCE = tests/bench/liblttng.c
BENCH_SOURCES = $(filter-out tests/bench/lib%,$(wildcard tests/bench/*.c))
BENCH_LIBRARY_SOURCES = $(filter-out $(LTTNG_SOURCE),$(wildcard tests/bench/lib*.c))

PROGRAM = $(BUILD)/bin/memshim
LIBRARY = $(BUILD)/lib/libmemshim.so
REPORT_OBJECTS = $(REPORT_SOURCES:%.c=$(BUILD)/obj/%.o)
SHIM_OBJECTS = $(addprefix $(BUILD)/obj/,$(addsuffix .o,$(basename $(SHIM_SOURCES))))
UNITS = $(UNIT_SOURCES:tests/units/%.c=$(BUILD)/tests/units/%)
TARGETS = $(TARGET_SOURCES:tests/targets/%.c=$(BUILD)/tests/%) \
	$(TARGET_LIBRARY_SOURCES:tests/targets/%.c=$(BUILD)/tests/%.so)
BENCHES = $(BENCH_SOURCES:tests/bench/%.c=$(BUILD)/bench/%) \
	$(BENCH_LIBRARY_SOURCES:tests/bench/%.c=$(BUILD)/bench/%.so)

# What install puts where, and uninstall takes away: mode:file:place under PREFIX.
INSTALLED = 755:$(PROGRAM):bin/memshim \
	755:$(LIBRARY):lib/libmemshim.so \
	$(foreach man,$(wildcard report/man/*.1),644:$(man):share/man/man1/$(notdir $(man))) \
	$(foreach man,$(wildcard report/man/*.5),644:$(man):share/man/man5/$(notdir $(man))) \
	$(foreach bash,$(wildcard scripts/completions/memshim.bash),\
		644:$(bash):share/bash-completion/completions/memshim) \
	$(foreach zsh,$(wildcard scripts/completions/_memshim),\
		644:$(zsh):share/zsh/site-functions/_memshim) \
	$(foreach fish,$(wildcard scripts/completions/memshim.fish),\
		644:$(fish):share/fish/vendor_completions.d/memshim.fish)

# ---- Building ------------------------------------------------------------------------------------

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(@:$(BUILD)/%=%)')
quoted = '$(subst ','\'',$(1))'

all: $(PROGRAM) $(LIBRARY) ## the reporter and the shim (the default)

tests: all $(UNITS) $(TARGETS) $(BUILD)/fuzz/replay $(BUILD)/fuzz/replay-symbols ## what the tests run, without running them

$(PROGRAM): $(REPORT_OBJECTS) $(BUILD)/files
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ $(REPORT_OBJECTS) $(REPORT_LIBS) $(LDLIBS)

$(LIBRARY): $(SHIM_OBJECTS) $(BUILD)/files preload/exports.map
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(SHIM_LDFLAGS) -o $@ $(SHIM_OBJECTS)

$(BUILD)/obj/report/%.o: report/%.c $(BUILD)/flags | $(BUILD)/packages
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) -c -o $@ $<

$(BUILD)/obj/report/view/flame_picture.o: report/view/flame.js

$(START_SOURCES:%.c=$(BUILD)/obj/%.o): HOOK_FRAMES =
$(BUILD)/obj/preload/%.o: preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) $(HOOK_FRAMES) -c -o $@ $<

$(BUILD)/obj/preload/%.o: preload/%.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) -c -o $@ $<

# A unit test is linked with all of the reporter but its main.
$(BUILD)/tests/units/%: tests/units/%.c $(REPORT_OBJECTS) $(BUILD)/flags $(BUILD)/files
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ $< \
		$(filter-out %/report/main.o,$(REPORT_OBJECTS)) $(REPORT_LIBS) $(LDLIBS)

$(BUILD)/tests/lib%.so: tests/targets/lib%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(TEST_CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $< $(TEST_LIBS)

$(BUILD)/tests/%: tests/targets/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $< $(TEST_LIBS)

$(BUILD)/bench/liblttng.so: TEST_LIBS += -llttng-ust
$(BUILD)/bench/lib%.so: tests/bench/lib%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(TEST_CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $< $(TEST_LIBS)

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $< $(TEST_LIBS)

# Objects depend on the flags they were made with, programs also on the list of their files.
$(BUILD)/flags: STAMP = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(REPORT_CFLAGS) $(SHIM_CFLAGS) \
	$(TEST_CFLAGS)
$(BUILD)/files: STAMP = $(REPORT_OBJECTS) $(SHIM_OBJECTS) $(LDFLAGS) $(REPORT_LDFLAGS) \
	$(SHIM_LDFLAGS) $(LDLIBS)
$(BUILD)/flags $(BUILD)/files: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(STAMP)) | cmp -s - $@ || \
		printf '%s\n' $(call quoted,$(STAMP)) >$@

# What the reporter includes from elsewhere. A missing package is answered by its name and the command that installs it.
HEADERS = uthash.h elfutils/libdwfl.h curses.h zstd.h
$(BUILD)/packages:
	@mkdir -p $(@D)
	@for header in $(HEADERS); do \
		printf '#include <%s>\n' $$header | $(CC) $(CPPFLAGS) $(CFLAGS) -E -o /dev/null - \
			2>/dev/null || { scripts/packages explain header:$$header >&2; exit 1; }; \
	done; touch $@

-include $(shell test -d $(BUILD) && find $(BUILD)/obj $(BUILD)/tests $(BUILD)/bench -name '*.d' \
	2>/dev/null)

# ---- Checking ------------------------------------------------------------------------------------

# Which tests: TESTS=tests/test_top.py::test_it_grows; and how many run at a time.
TESTS = tests
WORKERS = $(if $(filter tests,$(TESTS)),2,0)
PYTEST = BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest
check: tests cross sanitizers ## builds all, cross-compiles the shim, runs the tests, or TESTS=tests/test_x.py::test_y
	$(PYTEST) $(TESTS) -n $(WORKERS) --dist loadgroup $(PYTEST_FLAGS)

check-faults: tests ## each system call of the recorder and of a registration fails in turn
	MEMSHIM_FAULTS=1 $(PYTEST) tests/test_faults.py $(PYTEST_FLAGS)

# What runs many things at once, or kills them at random.
CONCURRENT = $(addprefix tests/test_,killed.py many.py survives.py by_hand.py hostile.py ledger.py \
	protocol.py)
check-loop: tests ## the concurrent tests again and again, until one fails or you stop it
	@round=0; while $(PYTEST) -q -x $(CONCURRENT); \
		do round=$$((round + 1)); echo "== round $$round passed"; done; exit 1

check-long: tests check-faults ## the long runs, once: 1,000 kills of each kind, torture, ...
	MEMSHIM_KILLS=1000 MEMSHIM_PROCESSES=20000 MEMSHIM_TORTURE=1000 MEMSHIM_EVENTS=10000000 \
		$(PYTEST) --durations=0 tests/test_killed.py tests/test_many.py \
		tests/test_record.py::test_100_recorders_at_once tests/test_live_readers.py $(PYTEST_FLAGS)

# Some of them: MUTANTS='name name', or SAMPLE=10 at random.
MUTANTS =
SAMPLE = 0
mutants: tests ## puts small faults into a copy of the tree, one at a time; fails when no test notices
	$(PYTHON) tests/mutants/run.py --sample $(SAMPLE) $(BUILD) $(MUTANTS)

check-worlds: ## builds and tests under an older and a newer glibc, of other Debian releases
	scripts/check-worlds

cross: ## compiles the shim for aarch64, where that compiler is at hand
	$(if $(shell command -v $(CROSS_CC)),\
		@$(MAKE) --no-print-directory CC=$(CROSS_CC) BUILD=$(BUILD)/aarch64 \
			$(BUILD)/aarch64/lib/libmemshim.so,\
		@echo '$(CROSS_CC): not here, the shim is not cross-compiled')

bench: all $(BENCHES) ## measures what the shim and the reader cost, beside other tools
	@$(MAKE) --no-print-directory -s $(BUILD)/bench/liblttng.so 2>/dev/null || true
	@$(MAKE) --no-print-directory $(BUILD)/tests/libnull.so
	$(PYTHON) tests/bench/run.py $(BUILD) $(BENCH_FLAGS)

# The reader and all views, built for libFuzzer, on any bytes; a minute unless told otherwise.
FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SOURCES = $(filter-out report/main.c,$(REPORT_SOURCES))

fuzz: all ## any bytes as a recording, with FUZZ_SECONDS=60; what breaks it is kept under BUILD/fuzz
	@mkdir -p $(BUILD)/fuzz/corpus
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) -O1 -g $(filter-out -MMD -MP,$(COMMON)) $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $(BUILD)/fuzz/reader $(FUZZ_SOURCES) tests/fuzz/reader.c $(REPORT_LIBS)
	scripts/fuzz-corpus $(BUILD)
	cd $(BUILD)/fuzz && ./reader -close_fd_mask=2 -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-rss_limit_mb=1024 -max_len=200000 $(FUZZ_OPTIONS) corpus $(CURDIR)/tests/fuzz/broken

# It brings its own child.c, whose child may be a hostile one.
FUZZ_CHILD = report/symbols/child.c
fuzz-symbols: all ## any bytes as a file with symbols, and as what the symbol child answers
	@mkdir -p $(BUILD)/fuzz/corpus-symbols
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) -O1 -g $(filter-out -MMD -MP,$(COMMON)) $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $(BUILD)/fuzz/symbols $(filter-out $(FUZZ_CHILD),$(FUZZ_SOURCES)) \
		tests/fuzz/symbols.c $(REPORT_LIBS)
	scripts/fuzz-corpus $(BUILD) symbols
	cd $(BUILD)/fuzz && ./symbols -close_fd_mask=2 -max_total_time=$(FUZZ_SECONDS) -timeout=60 \
		-rss_limit_mb=1024 -max_len=200000 $(FUZZ_OPTIONS) corpus-symbols

$(BUILD)/fuzz/replay-symbols: tests/fuzz/symbols.c tests/fuzz/replay.c $(REPORT_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ \
		tests/fuzz/symbols.c tests/fuzz/replay.c \
		$(filter-out %/report/main.o $(BUILD)/obj/$(FUZZ_CHILD:.c=.o),$(REPORT_OBJECTS)) $(REPORT_LIBS) $(LDLIBS)

$(BUILD)/fuzz/replay: tests/fuzz/reader.c tests/fuzz/replay.c $(REPORT_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ \
		tests/fuzz/reader.c tests/fuzz/replay.c \
		$(filter-out %/report/main.o,$(REPORT_OBJECTS)) $(REPORT_LIBS) $(LDLIBS)

lint: all ## the rules that a script can check
	scripts/lint $(BUILD)

format: ## clang-format over every C file
	clang-format -i $(shell git ls-files -co --exclude-standard '*.c' '*.h')

# One entry for each source file, taken from the commands that make itself would run.
compile_commands: $(BUILD)/flags ## BUILD/compile_commands.json, for clangd and other tools
	@$(MAKE) --no-print-directory -nB V=1 CC='$(CC)' all tests | \
		scripts/compile-commands '$(CURDIR)' >$(BUILD)/compile_commands.json
	@echo '$(BUILD)/compile_commands.json'

# The shim is never sanitized: a sanitizer's run-time belongs to a program, not to its guest.
asan: ## the tests with the reporter under AddressSanitizer
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address CFLAGS='-O1 -g' sanitized

ubsan: ## the tests with the reporter under UndefinedBehaviorSanitizer
	$(MAKE) BUILD=$(BUILD)/ubsan SANITIZE=undefined CFLAGS='-O1 -g' sanitized

tsan: ## the tests with the reporter under ThreadSanitizer
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread CFLAGS='-O1 -g' sanitized

SANITIZED = $(BUILD)/sanitized
sanitizers: ## builds all of it once more under sanitizers: some of the tests run that
	@$(MAKE) --no-print-directory BUILD=$(SANITIZED) SANITIZE=address,undefined CFLAGS='-O1 -g' tests

sanitized: tests
	$(PYTEST) $(TESTS) -n $(WORKERS) --dist loadgroup $(PYTEST_FLAGS)

# ---- Installing ----------------------------------------------------------------------------------

install: all ## copies all of it under $(DESTDIR)$(PREFIX)
	@set -e; for item in $(INSTALLED); do \
		mode=$${item%%:*}; rest=$${item#*:}; from=$${rest%:*}; \
		to=$(call quoted,$(DESTDIR)$(PREFIX))/$${rest##*:}; \
		echo "  COPY  $$to"; install -D -m "$$mode" "$$from" "$$to"; \
	done

uninstall: ## removes what install put there
	@set -e; for item in $(INSTALLED); do \
		to=$(call quoted,$(DESTDIR)$(PREFIX))/$${item##*:}; \
		echo "  RM    $$to"; rm -f "$$to"; \
	done

check-install: all ## installs into an empty folder, tries it, uninstalls, looks for leftovers
	@MAKE='$(MAKE) BUILD=$(BUILD)' scripts/check-install

clean: ## removes $(BUILD)
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

FORCE:
.PHONY: all tests check check-faults check-loop check-long mutants check-worlds sanitizers cross bench fuzz fuzz-symbols lint \
	format compile_commands asan ubsan tsan sanitized install uninstall check-install clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
