# SPDX-License-Identifier: MIT
#
# Builds the reporter (bin/memshim), the shim (lib/libmemshim.so) and their test programs under
# $(BUILD). The two are compiled with different flags: the reporter is an ordinary hardened program;
# the shim runs inside other programs, so its code must not abort.
#
# Variables that you may set: CC, CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR, BUILD, WERROR=1, V=1 (show commands).

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

# FORTIFY needs an optimising compiler. It disturbs a sanitizer, so it is off there.
SANITIZE =
SANITIZER = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
FORTIFY = $(if $(SANITIZE),,$(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-D_FORTIFY_SOURCE=2))

# The reporter must run on a stack of 64K. The frames of a sanitizer are larger.
FRAMES = $(if $(SANITIZE),,-Wframe-larger-than=14336)

REPORT_CFLAGS = $(COMMON) -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE $(FORTIFY) $(SANITIZER) \
	$(FRAMES) -pthread
REPORT_LIBS = -ldw -lelf -lncursesw -lzstd -lz -ldl
REPORT_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SANITIZER) -pthread

# A hook may run on the last KiB of a signal stack: all its frames together have 768 bytes. Files that
# run only at start-up may take more.
HOOK_FRAMES = $(if $(filter -O2 -O3 -Os,$(CFLAGS)),-Wframe-larger-than=288)
START_SOURCES = preload/libc.c preload/redirect.c preload/session.c preload/settings.c preload/start.c

SHIM_CFLAGS = $(COMMON) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector \
	-U_FORTIFY_SOURCE
# One ELF segment for code and constants: every process maps the shim, and each mapping takes 4 us.
# No start files of the compiler: the shim does not need them, and the loader would search each of
# their symbols in every library.
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
# bench compares with LTTng-UST when it is installed.
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

# The files that install copies and uninstall removes: mode:file:place under PREFIX.
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

all: $(PROGRAM) $(LIBRARY) ## build the reporter and the shim (the default)

tests: all $(UNITS) $(TARGETS) $(BUILD)/fuzz/replay $(BUILD)/fuzz/replay-symbols ## build the programs that the tests run

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

$(BUILD)/obj/report/view/flame_drawing.o: report/view/flame.js

$(START_SOURCES:%.c=$(BUILD)/obj/%.o): HOOK_FRAMES =
$(BUILD)/obj/preload/%.o: preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) $(HOOK_FRAMES) -c -o $@ $<

$(BUILD)/obj/preload/%.o: preload/%.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) -c -o $@ $<

# A unit test is linked with all object files of the reporter except main.o.
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

# Object files depend on their flags; programs depend on the list of their files as well.
$(BUILD)/flags: STAMP = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(REPORT_CFLAGS) $(SHIM_CFLAGS) \
	$(TEST_CFLAGS)
$(BUILD)/files: STAMP = $(REPORT_OBJECTS) $(SHIM_OBJECTS) $(LDFLAGS) $(REPORT_LDFLAGS) \
	$(SHIM_LDFLAGS) $(LDLIBS)
$(BUILD)/flags $(BUILD)/files: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(STAMP)) | cmp -s - $@ || \
		printf '%s\n' $(call quoted,$(STAMP)) >$@

# The headers of other packages. When one is missing, make names its package and the command that installs it.
HEADERS = uthash.h elfutils/libdwfl.h curses.h zstd.h zlib.h
$(BUILD)/packages:
	@mkdir -p $(@D)
	@for header in $(HEADERS); do \
		printf '#include <%s>\n' $$header | $(CC) $(CPPFLAGS) $(CFLAGS) -E -o /dev/null - \
			2>/dev/null || { scripts/packages explain header:$$header >&2; exit 1; }; \
	done; touch $@

-include $(shell test -d $(BUILD) && find $(BUILD)/obj $(BUILD)/tests $(BUILD)/bench -name '*.d' \
	2>/dev/null)

# ---- Checking ------------------------------------------------------------------------------------

# TESTS chooses the tests: TESTS=tests/cli/test_cli.py::test_version. WORKERS of them run at once.
TESTS = tests
WORKERS = $(if $(filter tests,$(TESTS)),2,0)
PYTEST = BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest
# test_files NAME...: the files of these names, whichever room they are in.
test_files = $(wildcard $(foreach name,$(1),tests/*/test_$(name).py))
# uses WORDS: the chosen test files that contain one of these words.
uses = $(shell grep -rlE '$(1)' --include='*.py' $(foreach test,$(TESTS),$(firstword $(subst ::, ,$(test)))))
NEEDED_BUILDS = $(if $(call uses,aarch64),cross) $(if $(call uses,SANITIZED|replay),sanitizers)
check: tests $(NEEDED_BUILDS) ## build what the tests need, run them, or TESTS=tests/cli/test_x.py::test_y
	$(PYTEST) $(TESTS) -n $(WORKERS) --dist loadgroup $(PYTEST_FLAGS)

check-faults: tests ## run the recorder and a registration with each system call failing in turn
	MEMSHIM_FAULTS=1 $(PYTEST) $(call test_files,faults) $(PYTEST_FLAGS)

# The tests that run many processes at once, or kill processes at random instants.
CONCURRENT = $(call test_files,killed many survives by_hand hostile ledger protocol)
check-loop: tests ## repeat the concurrent tests until one fails or you stop it
	@round=0; while $(PYTEST) -q -x $(CONCURRENT); \
		do round=$$((round + 1)); echo "== round $$round passed"; done; exit 1

check-long: tests check-faults ## run the long tests once: 1,000 kills of each kind, torture, ...
	MEMSHIM_KILLS=1000 MEMSHIM_PROCESSES=20000 MEMSHIM_TORTURE=1000 MEMSHIM_EVENTS=10000000 \
		$(PYTEST) --durations=0 $(call test_files,killed many live_readers) \
		$(call test_files,record)::test_100_recorders_at_once $(PYTEST_FLAGS)

# MUTANTS='name name' chooses some mutants; SAMPLE=10 chooses ten at random.
MUTANTS =
SAMPLE = 0
mutants: tests ## put small faults into a copy of the tree, one at a time; fail when no test notices one
	$(PYTHON) tests/mutants/run.py --sample $(SAMPLE) $(BUILD) $(MUTANTS)

check-worlds: ## build and test under an older and a newer glibc, of other Debian releases
	scripts/check-worlds

cross: ## compile the shim for aarch64 when that compiler is installed
	$(if $(shell command -v $(CROSS_CC)),\
		@$(MAKE) --no-print-directory CC=$(CROSS_CC) BUILD=$(BUILD)/aarch64 \
			$(BUILD)/aarch64/lib/libmemshim.so,\
		@echo '$(CROSS_CC): not installed: the shim is not cross-compiled')

bench: all $(BENCHES) ## measure what the shim and the reader cost, next to other tools
	@$(MAKE) --no-print-directory -s $(BUILD)/bench/liblttng.so 2>/dev/null || true
	@$(MAKE) --no-print-directory $(BUILD)/tests/libnull.so
	$(PYTHON) tests/bench/run.py $(BUILD) $(BENCH_FLAGS)

# The reader and all views read the bytes that libFuzzer makes, for FUZZ_SECONDS.
FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SOURCES = $(filter-out report/main.c,$(REPORT_SOURCES))

fuzz: all ## fuzz the reader and all views for FUZZ_SECONDS=60; keep failing inputs under BUILD/fuzz
	@mkdir -p $(BUILD)/fuzz/corpus
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) -O1 -g $(filter-out -MMD -MP,$(COMMON)) $(FUZZ_FLAGS) -fsanitize=fuzzer \
		-o $(BUILD)/fuzz/reader $(FUZZ_SOURCES) tests/fuzz/reader.c $(REPORT_LIBS)
	scripts/fuzz-corpus $(BUILD)
	cd $(BUILD)/fuzz && ./reader -close_fd_mask=2 -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-rss_limit_mb=1024 -max_len=200000 $(FUZZ_OPTIONS) corpus $(CURDIR)/tests/fuzz/broken

# tests/fuzz/symbols.c includes these: its symbol child may be hostile, and reads files without limits.
FUZZ_INCLUDED = $(addprefix report/symbols/,child.c files.c resolve.c)
FUZZ_SYMBOLS = $(FUZZ_CC) -O1 -g $(filter-out -MMD -MP,$(COMMON)) $(FUZZ_FLAGS) -fsanitize=fuzzer \
	$(filter-out $(FUZZ_INCLUDED),$(FUZZ_SOURCES)) tests/fuzz/symbols.c $(REPORT_LIBS)
# libdw leaks memory when a file is damaged; the symbol child ends soon.
FUZZ_SYMBOLS_RUN = -close_fd_mask=2 -max_total_time=$(FUZZ_SECONDS) -timeout=60 \
	-rss_limit_mb=1024 -max_len=200000 $(FUZZ_OPTIONS)

fuzz-symbols: all ## fuzz the symbol reader with hostile ELF and DWARF
	@mkdir -p $(BUILD)/fuzz/corpus-symbols
	$(call say,FUZZ)
	$(Q)$(FUZZ_SYMBOLS) -DFUZZ_FILES -o $(BUILD)/fuzz/symbols
	scripts/fuzz-corpus $(BUILD) symbols
	cd $(BUILD)/fuzz && ASAN_OPTIONS=detect_leaks=0 ./symbols $(FUZZ_SYMBOLS_RUN) corpus-symbols

fuzz-answers: all ## fuzz the answers of a symbol child that a hostile file controls
	@mkdir -p $(BUILD)/fuzz/corpus-answers
	$(call say,FUZZ)
	$(Q)$(FUZZ_SYMBOLS) -o $(BUILD)/fuzz/answers
	printf 'ANSWERS1\2\0ab' >$(BUILD)/fuzz/corpus-answers/two
	cd $(BUILD)/fuzz && ASAN_OPTIONS=detect_leaks=0 ./answers $(FUZZ_SYMBOLS_RUN) corpus-answers

$(BUILD)/fuzz/replay-symbols: tests/fuzz/symbols.c tests/fuzz/replay.c $(REPORT_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ \
		tests/fuzz/symbols.c tests/fuzz/replay.c \
		$(filter-out %/report/main.o $(FUZZ_INCLUDED:%.c=$(BUILD)/obj/%.o),$(REPORT_OBJECTS)) $(REPORT_LIBS) $(LDLIBS)

$(BUILD)/fuzz/replay: tests/fuzz/reader.c tests/fuzz/replay.c $(REPORT_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(REPORT_CFLAGS) $(LDFLAGS) $(REPORT_LDFLAGS) -o $@ \
		tests/fuzz/reader.c tests/fuzz/replay.c \
		$(filter-out %/report/main.o,$(REPORT_OBJECTS)) $(REPORT_LIBS) $(LDLIBS)

lint: all ## check the rules that a script can check
	scripts/lint $(BUILD)

format: ## run clang-format over every C file
	@$(or $(shell command -v clang-format-14),clang-format) -i $(shell git ls-files -co --exclude-standard '*.c' '*.h')

# One entry for each source file, taken from the commands that make itself would run.
compile_commands: $(BUILD)/flags ## write BUILD/compile_commands.json, for clangd and other tools
	@$(MAKE) --no-print-directory -nB V=1 CC='$(CC)' all tests | \
		scripts/compile-commands '$(CURDIR)' >$(BUILD)/compile_commands.json
	@echo '$(BUILD)/compile_commands.json'

# The shim is never sanitized: the run-time library of a sanitizer must be part of the program itself.
asan: ## run the tests with the reporter under AddressSanitizer
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address CFLAGS='-O1 -g' sanitized

ubsan: ## run the tests with the reporter under UndefinedBehaviorSanitizer
	$(MAKE) BUILD=$(BUILD)/ubsan SANITIZE=undefined CFLAGS='-O1 -g' sanitized

tsan: ## run the tests with the reporter under ThreadSanitizer
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread CFLAGS='-O1 -g' sanitized

SANITIZED = $(BUILD)/sanitized
sanitizers: ## build all under sanitizers, in a folder of its own: some tests run these programs
	@$(MAKE) --no-print-directory BUILD=$(SANITIZED) SANITIZE=address,undefined CFLAGS='-O1 -g' tests

sanitized: tests
	$(PYTEST) $(TESTS) -n $(WORKERS) --dist loadgroup $(PYTEST_FLAGS)

# ---- Installing ----------------------------------------------------------------------------------

install: all ## copy all files under $(DESTDIR)$(PREFIX)
	@set -e; for item in $(INSTALLED); do \
		mode=$${item%%:*}; rest=$${item#*:}; from=$${rest%:*}; \
		to=$(call quoted,$(DESTDIR)$(PREFIX))/$${rest##*:}; \
		echo "  COPY  $$to"; install -D -m "$$mode" "$$from" "$$to"; \
	done

uninstall: ## remove the files that install copied
	@set -e; for item in $(INSTALLED); do \
		to=$(call quoted,$(DESTDIR)$(PREFIX))/$${item##*:}; \
		echo "  RM    $$to"; rm -f "$$to"; \
	done

check-install: all ## install into an empty folder, try it, uninstall, fail when a file is left
	@MAKE='$(MAKE) BUILD=$(BUILD)' scripts/check-install

clean: ## remove $(BUILD)
	rm -rf $(BUILD)

help: ## print this list
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

FORCE:
.PHONY: all tests check check-faults check-loop check-long mutants check-worlds sanitizers cross bench fuzz fuzz-symbols fuzz-answers lint \
	format compile_commands asan ubsan tsan sanitized install uninstall check-install clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
