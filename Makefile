# Xinke 信客. `make help` lists what can be asked for. Everything is built under build/ (B), nothing beside the sources.
#
#   B=DIR        another build folder
#   CC=clang     another compiler (gcc 12 and clang 14 are kept clean)
#   V=1          whole command lines
#   SAN=1        with AddressSanitizer and UndefinedBehaviorSanitizer, into build/san
#   FUZZ=1       for libFuzzer, by clang 14 and with the same sanitizers, into build/fuzz (the fuzz targets alone)
#   MUTANTS=1    with the planted faults of shared/mutant.h that can be switched on, into build/mutants (the simulator alone)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

B ?= build
Q := $(if $(V),,@)
CC := $(if $(FUZZ),clang-14,$(if $(filter default,$(origin CC)),gcc,$(CC)))
O := $(if $(SAN),$(B)/san,$(if $(MUTANTS),$(B)/mutants,$(if $(FUZZ),$(B)/fuzz,$(B))))
GEN := $(B)/gen

# --- flags ------------------------------------------------------------------------------------------------------------
# POSIX.1-2008 plus what Debian's libc adds by default (explicit_bzero, timegm, adjtimex).
CPPFLAGS += -I. -I$(GEN) -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE
CFLAGS ?= -O2 -g
CPPFLAGS += $(if $(MUTANTS),-DXINKE_MUTANTS)
# -Wconversion finds the narrowing that loses a serial or a length; -Wshadow and the prototypes keep names honest.
WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wimplicit-fallthrough -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Werror=format-security $(if $(WERROR),-Werror)
# Hardening of security figures; gcc alone knows -ftrivial-auto-var-init=zero (clang 14 stops at it).
HARDEN := -fstack-clash-protection -fstack-protector-strong -fcf-protection=full -fPIE
HARDEN += $(if $(findstring clang,$(CC)),,-ftrivial-auto-var-init=zero)
# _FORTIFY_SOURCE wants optimisation and hides what the sanitizers look for.
FORTIFY := $(if $(SAN)$(FUZZ),,-D_FORTIFY_SOURCE=3)
, := ,
SANFLAGS := $(if $(SAN)$(FUZZ),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
SANFLAGS += $(if $(FUZZ),-fsanitize=fuzzer-no-link)
ALL_CFLAGS := -std=c11 $(CFLAGS) $(WARN) $(HARDEN) $(FORTIFY) $(SANFLAGS) -pthread
ALL_LDFLAGS := -pie -Wl,-z,noexecstack,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS) -pthread $(LDFLAGS)
# The earliest time that a clock of this build may believe (design section 5, point 9).
# The sanitizer build, which the tests use, has a fixed one: tests that set their own clocks must repeat.
BUILD_EPOCH := $(or $(if $(SAN)$(FUZZ),1763942400),$(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),1763942400)

# --- sources ----------------------------------------------------------------------------------------------------------
SHARED := shared/err.c shared/buf.c shared/text.c shared/canon.c shared/json_parse.c shared/uuid.c shared/clock.c \
	shared/log.c shared/config.c shared/file.c shared/password.c shared/fields.c shared/idnum.c shared/receipt.c \
	shared/states.c shared/catalog.c shared/body.c shared/body_tables.c shared/registers.c shared/retention.c shared/files.c shared/event.c shared/caseview.c shared/mask.c shared/casejson.c shared/entryjson.c shared/personjson.c shared/feed.c shared/problem.c shared/enrolcode.c shared/workdays.c shared/terms.c shared/papers.c shared/papers_fill.c shared/reports.c shared/reports_take.c shared/reports_csv.c shared/work.c shared/wake.c shared/lockout.c shared/account.c shared/pack.c shared/dict.c shared/papers_list.c shared/reports_query.c shared/venue.c
CRYPTO := shared/crypto/digest.c shared/crypto/rng.c shared/crypto/seal.c shared/crypto/stream.c shared/crypto/ec.c shared/crypto/x509.c \
	shared/crypto/x509_der.c
HTTP := shared/http/http.c shared/http/request.c shared/http/check.c shared/http/reply.c shared/http/route.c \
	shared/http/stream.c shared/http/deadline.c shared/http/tls.c shared/http/bearer.c shared/http/accept.c
BLOB := shared/blob/sniff.c shared/blob/store.c shared/blob/record.c shared/blob/tail.c shared/blob/upload.c shared/blob/append.c
TUS := shared/tus/parse.c shared/tus/send.c shared/tus/tus.c shared/tus/body.c
DB := shared/db/db.c shared/db/sqlite.c
LEDGER := shared/ledger/store.c shared/ledger/blob.c shared/ledger/append.c shared/ledger/register.c shared/ledger/advance.c shared/ledger/project.c shared/ledger/read.c shared/ledger/audit.c shared/ledger/staff.c shared/ledger/staff_order.c shared/ledger/device.c shared/ledger/outbox.c shared/ledger/pin.c shared/ledger/courier.c shared/ledger/clock.c shared/ledger/feed.c shared/ledger/erase.c shared/ledger/enrol.c shared/ledger/verify.c shared/ledger/writer.c shared/ledger/citizen.c shared/ledger/selfcheck.c
PUBLIC := shared/public/ask.c shared/public/form.c shared/public/guides.c shared/public/limiter.c shared/public/page.c shared/public/progress.c shared/public/ratings.c shared/public/typed.c
CERTS := certs/ca.c
ENGINE := sync/engine/wire.c sync/engine/rows.c sync/engine/columns_write.c sync/engine/columns_put.c \
	sync/engine/columns_sort.c sync/engine/columns_read.c sync/engine/columns_cells.c sync/engine/cell.c sync/engine/bits.c \
	sync/engine/carry.c sync/engine/engine.c
HANDS := sync/agent/answer.c sync/agent/carrying.c sync/agent/hands.c sync/agent/link.c sync/agent/renewal.c sync/agent/time.c
AGENT := sync/agent/main.c sync/agent/blobs.c sync/agent/courier.c sync/agent/enroll.c sync/agent/transport.c
COUNTY := sync/county/acts.c sync/county/again.c sync/county/archive.c sync/county/blob_face.c sync/county/blobs.c sync/county/boxes.c sync/county/call.c sync/county/casefile.c sync/county/cases.c \
	sync/county/catalog_calendar.c sync/county/catalog_check.c sync/county/catalog_commands.c sync/county/catalog_diff.c \
	sync/county/catalog_edition.c sync/county/catalog_faults.c sync/county/catalog_items.c sync/county/catalog_read.c \
	sync/county/catalog_table.c \
	sync/county/commands.c sync/county/config.c sync/county/deem.c sync/county/dues.c sync/county/enrol.c sync/county/erase.c sync/county/exchange.c sync/county/feed.c sync/county/health.c sync/county/import.c sync/county/judge.c sync/county/keys.c sync/county/metrics.c sync/county/persons.c sync/county/present.c sync/county/public.c sync/county/rating.c sync/county/renew.c sync/county/route.c sync/county/serve.c sync/county/session.c sync/county/staff.c sync/county/store.c sync/county/sweep.c sync/county/sync_face.c sync/county/thing.c sync/county/verify.c  sync/county/orders.c  sync/county/reports.c sync/county/selfcheck.c sync/county/verify_kept.c
COUNTY_MAIN := sync/county/main.c
GATEWAY := gateway/print/frame.c gateway/acts.c gateway/answer.c gateway/archive.c gateway/audit.c gateway/calendar.c gateway/calls.c gateway/cases.c gateway/changes.c gateway/days.c gateway/deem.c gateway/devices.c gateway/documents.c gateway/export.c gateway/fill.c gateway/finder.c gateway/blobs.c \
	gateway/follow.c gateway/front.c gateway/handovers.c gateway/items.c gateway/main.c gateway/metrics.c \
	gateway/present.c gateway/printcall.c gateway/people.c gateway/public.c gateway/rating.c gateway/readers.c gateway/registers.c gateway/reports.c gateway/reveal.c gateway/routes.c gateway/search.c gateway/search_due.c gateway/session_list.c gateway/sessions.c gateway/settings.c gateway/setup.c gateway/setup_page.c gateway/signin.c gateway/selfcheck.c \
	gateway/staff.c \
	gateway/sync.c gateway/tidy.c gateway/trust.c gateway/uploads.c gateway/waker.c gateway/web.c gateway/web_list.c
PRINT := gateway/print/escpos.c gateway/print/frame.c gateway/print/job.c gateway/print/main.c gateway/print/printer.c \
	gateway/print/qr.c gateway/print/template.c gateway/print/tree.c
CLI := gateway/cli/main.c gateway/cli/ledger.c gateway/cli/enroll.c gateway/cli/poster.c gateway/cli/staff.c gateway/fill.c \
	gateway/print/qr.c gateway/settings.c gateway/trust.c
CA := certs/xinke-ca.c

# What programs and tests are linked from; a linker takes from it only what is asked for.
LIB_SRC := $(SHARED) $(CRYPTO) $(BLOB) $(TUS) $(HTTP) $(DB) $(LEDGER) $(CERTS) $(ENGINE) $(HANDS) $(COUNTY) $(PUBLIC)
LIBS := -lmicrohttpd -lgnutls -ljansson -lsqlite3 -lmbedx509 -lmbedcrypto -largon2 -linih -lcurl-gnutls \
	-lzstd
PRINT_LIBS := -lxslt -lxml2 -lqrencode
# Asked when it is used: deps-build may only now have brought the package.
XML_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I libxml-2.0))
PROGRAMS := xinke-ca xinke-sync xinke xinke-gateway xinke-print xinke-county
UNIT := $(basename $(notdir $(wildcard tests/unit/*_test.c)))

# --- build ------------------------------------------------------------------------------------------------------------
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB := $(O)/libxinke.a

.PHONY: all gateway sync county
all: $(PROGRAMS:%=$(O)/%) ## build every program
gateway: $(O)/xinke-gateway $(O)/xinke $(O)/xinke-print ## the box's REST gateway, its printing and the technician's command (needs no Node)
sync: $(O)/xinke-sync
county: $(O)/xinke-county

GENERATED := $(addprefix $(GEN)/,states.inc events.inc transitions.inc box_queries.inc box_migrations.inc \
	county_queries.inc county_migrations.inc exchange-1.inc venue_standard.inc \
	setup_html.inc setup_css.inc setup_js.inc poster_html.inc)

$(GEN):
	@mkdir -p $@
$(GEN)/states.inc: schema/states/states.csv schema/states/registers.csv schema/states/retention-states.csv schema/scripts/states.awk | $(GEN)
	@awk -v what=states -f schema/scripts/states.awk $(filter %.csv,$^) > $@
$(GEN)/events.inc $(GEN)/transitions.inc: schema/states/transitions.csv schema/states/register-transitions.csv \
	schema/states/retention-transitions.csv \
	schema/scripts/states.awk | $(GEN)
	@awk -v what=$(basename $(@F)) -f schema/scripts/states.awk $(filter %.csv,$^) > $@
$(GEN)/%_queries.inc: schema/sql/%/queries.sql schema/scripts/sql.awk | $(GEN)
	@awk -v what=queries -f schema/scripts/sql.awk $< > $@
$(GEN)/box_migrations.inc: $(sort $(wildcard schema/sql/box/0*.sql)) schema/scripts/sql.awk | $(GEN)
	@awk -v what=migrations -f schema/scripts/sql.awk $(filter %.sql,$^) > $@
$(GEN)/county_migrations.inc: $(sort $(wildcard schema/sql/county/0*.sql)) schema/scripts/sql.awk | $(GEN)
	@awk -v what=migrations -f schema/scripts/sql.awk $(filter %.sql,$^) > $@
$(GEN)/venue_standard.inc: schema/venue/standard.json schema/scripts/text.awk | $(GEN)
	@awk -f schema/scripts/text.awk $< > $@
$(GEN)/%_html.inc: gateway/pages/%.html schema/scripts/text.awk | $(GEN)
	@awk -f schema/scripts/text.awk $< > $@
$(GEN)/%_css.inc: gateway/pages/%.css schema/scripts/text.awk | $(GEN)
	@awk -f schema/scripts/text.awk $< > $@
$(GEN)/%_js.inc: gateway/pages/%.js schema/scripts/text.awk | $(GEN)
	@awk -f schema/scripts/text.awk $< > $@
$(GEN)/%.inc: schema/dict/%.zdict | $(GEN)
	@od -An -v -t u1 $< | sed 's/^ */\t/; s/  */,/g; s/$$/,/' > $@

$(O)/obj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)echo '  CC      $<'; $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(O)/obj/gateway/print/%.o: CPPFLAGS += $(XML_CFLAGS)
$(O)/obj/shared/clock.o: CPPFLAGS += -DXINKE_BUILD_EPOCH=$(BUILD_EPOCH)

$(LIB): $(call obj,$(LIB_SRC))
	$(Q)echo '  AR      $@'; rm -f $@; ar qcs $@ $^

$(O)/xinke-ca: $(call obj,$(CA)) $(LIB)
$(O)/xinke-sync: $(call obj,$(AGENT)) $(LIB)
$(O)/xinke-county: $(call obj,$(COUNTY_MAIN)) $(LIB)
$(O)/xinke-gateway: $(call obj,$(GATEWAY)) $(LIB)
$(O)/xinke: $(call obj,$(CLI)) $(LIB)
$(O)/xinke: LIBS += -lqrencode
# The template library is this program's alone.
$(O)/xinke-print: $(call obj,$(PRINT)) $(LIB)
$(O)/xinke-print: LIBS += $(PRINT_LIBS)
$(PROGRAMS:%=$(O)/%):
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(LIB) $(ALL_LDFLAGS) $(LIBS) -o $@

# A box's data folder made without a county, for the gateway's own tests.
$(O)/fixture-box: $(call obj,tests/fixture/box.c) $(LIB)
# The yardsticks of `make bench`.
$(O)/bench/raw: $(call obj,tests/bench/raw.c)
$(O)/bench/ingest: $(call obj,tests/bench/ingest.c) $(LIB)
$(O)/bench/wire: $(call obj,tests/bench/wire.c tests/lib/exchanges.c) $(LIB)
# The line of `make bench-link`, and its backlog.
$(O)/bench/relay: $(call obj,tests/bench/relay.c)
$(O)/bench/fill: $(call obj,tests/bench/fill.c) $(LIB)
# The exchange dictionary's maker.
$(O)/train_dict: $(call obj,schema/scripts/train_dict.c tests/lib/exchanges.c) $(LIB)
$(O)/fixture-box $(O)/bench/raw $(O)/bench/ingest $(O)/bench/wire $(O)/bench/relay $(O)/bench/fill $(O)/train_dict:
	@mkdir -p $(@D)
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(LIB) $(ALL_LDFLAGS) $(LIBS) -o $@

# --- unit tests -------------------------------------------------------------------------------------------------------
# The root of the sources, for tests that read the schema and the vectors.
$(O)/obj/tests/unit/%.o: CPPFLAGS += -DXINKE_ROOT='"$(CURDIR)"' -DXINKE_BUILD_EPOCH=$(BUILD_EPOCH)
UNIT_SUPPORT := $(call obj,$(filter-out %_test.c,$(wildcard tests/unit/*.c)))
$(O)/unit/%: $(O)/obj/tests/unit/%.o $(O)/unit/libsupport.a $(LIB)
	@mkdir -p $(@D)
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(O)/unit/libsupport.a $(LIB) $(ALL_LDFLAGS) $(LIBS) -lcmocka -o $@
# The gateway's own parts: not in the library, where the county has files of the same names.
$(patsubst %,$(O)/unit/%,$(filter gateway_%,$(UNIT))): $(call obj,$(filter-out gateway/main.c,$(GATEWAY)))
# xinke-print's likewise.
UNIT_PRINT := $(patsubst %,$(O)/unit/%,$(filter print_%,$(UNIT)))
$(UNIT_PRINT): $(call obj,$(filter-out gateway/print/main.c,$(PRINT)))
$(UNIT_PRINT): LIBS += $(PRINT_LIBS)
$(UNIT_PRINT:$(O)/unit/%=$(O)/obj/tests/unit/%.o): CPPFLAGS += $(XML_CFLAGS)
$(O)/unit/libsupport.a: $(UNIT_SUPPORT)
	@mkdir -p $(@D); rm -f $@; ar qcs $@ $^
.SECONDARY:

.PHONY: unit
unit: $(UNIT:%=$(O)/unit/%) $(O)/xinke-ca
	@XINKE_CA=$(O)/xinke-ca tests/unit/run $(filter $(O)/unit/%,$^)

# --- the simulator ----------------------------------------------------------------------------------------------------
# Its own random bytes and clock stand before the library's; the system's clocks and ECDSA are wrapped (tests/sim/link.c).
SIM_OBJ := $(call obj,$(filter-out %_test.c,$(wildcard tests/sim/*.c))) $(O)/obj/sim/clock.o
SIM_WRAP := -Wl,--wrap=clock_gettime -Wl,--wrap=adjtimex -Wl,--wrap=ec_sign -Wl,--wrap=ec_verify \
	-Wl,--wrap=x509_verify
$(O)/obj/tests/sim/%.o: CPPFLAGS += -DXINKE_ROOT='"$(CURDIR)"'
$(O)/obj/sim/clock.o: shared/clock.c
	@mkdir -p $(@D)
	$(Q)echo '  CC      $< (sim)'; $(CC) $(CPPFLAGS) -DXINKE_BUILD_EPOCH=1763942400 $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(O)/sim/sim: $(SIM_OBJ) $(call obj,$(HANDS)) $(LIB)
$(O)/sim/vfs_test: $(call obj,tests/sim/vfs_test.c tests/sim/vfs.c tests/sim/vfs_disk.c tests/sim/vfs_lock.c \
	tests/sim/alloc.c tests/sim/rng.c)
$(O)/sim/sim $(O)/sim/vfs_test:
	@mkdir -p $(@D)
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS) \
		$(if $(findstring vfs_test,$@),-lcmocka,$(SIM_WRAP)) $(LIBS) -o $@

# --- fuzzing ----------------------------------------------------------------------------------------------------------
# Each target over what it reads: the shared parts, the ledger and the engine, without servers.
FUZZERS := request answer entry cert code print upload
FUZZ_LIB := $(call obj,$(filter shared/% sync/engine/%,$(filter-out shared/http/% shared/public/%,$(LIB_SRC))))
$(O)/obj/tests/fuzz/%.o: CPPFLAGS += -DXINKE_ROOT='"$(CURDIR)"' -DXINKE_BUILD_EPOCH=$(BUILD_EPOCH)
$(O)/libfuzzed.a: $(FUZZ_LIB) $(call obj,tests/unit/support.c)
	@rm -f $@; ar qcs $@ $^
$(O)/answer_fuzz: FUZZ_WRAP := -Wl,--wrap=ec_verify -Wl,--wrap=pack_close
$(O)/entry_fuzz: FUZZ_WRAP := -Wl,--wrap=db_commit -Wl,--wrap=db_begin_read -Wl,--wrap=db_rollback
# Of its own: the print parts.
$(O)/print_fuzz: $(call obj,$(filter-out gateway/print/main.c,$(PRINT)))
$(O)/print_fuzz: LIBS += $(PRINT_LIBS)
$(O)/obj/tests/fuzz/print_fuzz.o: CPPFLAGS += $(XML_CFLAGS)
$(FUZZERS:%=$(O)/%_fuzz): $(O)/%_fuzz: $(O)/obj/tests/fuzz/%_fuzz.o $(O)/libfuzzed.a
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS) -fsanitize=fuzzer $(FUZZ_WRAP) $(LIBS) -lcmocka -o $@
$(O)/fuzz_seeds: $(call obj,tests/fuzz/seeds.c tests/unit/blob_samples.c) $(O)/libfuzzed.a
	$(Q)echo '  LD      $@'; $(CC) $(ALL_CFLAGS) $^ $(ALL_LDFLAGS) $(LIBS) -lcmocka -o $@

# --- what one asks for ------------------------------------------------------------------------------------------------
# Node: PATH's where it is new enough, else the one that install-deps.sh brought.
NODE_PATH := $(CURDIR)/$(B)/tools/node_modules/.bin
WITH_NODE := PATH="$$([ -x "$(NODE_PATH)/node" ] && echo "$(NODE_PATH):")$$PATH"
C_FILES = $(shell git ls-files '*.c' '*.h')
SH_FILES = packaging/install-deps.sh packaging/run.sh packaging/check-tree.sh tests/unit/run tests/sim/run tests/fuzz/run .ci/run

.PHONY: deps-build deps-web deps-test web web-test e2e shots papers run start stop start-county stop-county start-gateway stop-gateway \
	demo test integration sim sim-test mutants fuzz fuzz-seeds lint fmt bench bench-wire bench-link flap dict clean help
deps-build:
	@B=$(B) packaging/install-deps.sh build
deps-web:
	@B=$(B) packaging/install-deps.sh web
deps-test:
	@B=$(B) packaging/install-deps.sh test

# The phone app, into $(B)/web: what the gateway serves by its files.json. C programs need no Node; this does.
WEB_SOURCES = $(shell git ls-files -co --exclude-standard gateway/web) $(wildcard schema/openapi/*.yaml schema/events/*.json)
web: deps-web ## build the phone app into build/web; fails where its first load is over 200 kB gzip
	@$(MAKE) --no-print-directory $(B)/web/files.json
$(B)/web/files.json: $(WEB_SOURCES)
	$(Q)echo '  WEB     $@'; cd gateway/web && export $(WITH_NODE) && npm run --silent types >/dev/null && \
		OUT=$(abspath $(B))/web npm run --silent build -- --logLevel error && node build/pack.mjs $(abspath $(B))/web
run: deps-build ## start a county and a village box in the foreground; Ctrl-C stops both
	@$(MAKE) --no-print-directory all web
	@XINKE_BIN=$(B) packaging/run.sh run
start start-county start-gateway: deps-build ## the same in the background (start-county, start-gateway: one of them)
	@$(MAKE) --no-print-directory all web
	@XINKE_BIN=$(B) packaging/run.sh $@
stop stop-county stop-gateway: ## stop what start started; gateway means all of the box's daemons
	@XINKE_BIN=$(B) packaging/run.sh $@
demo: deps-test ## the main job told by a script
	@$(MAKE) --no-print-directory all
	@$(WITH_NODE) XINKE_BIN=$(B) node tests/demo/demo.mjs
JOBS := $(shell nproc)
test: deps-test ## install, build with sanitizers, run every suite
	@$(MAKE) --no-print-directory -j$(JOBS) all $(B)/fixture-box
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=1 all $(B)/san/fixture-box unit
	@$(MAKE) --no-print-directory sim-test
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=5
	@$(MAKE) --no-print-directory web-test
	@$(MAKE) --no-print-directory integration
	@$(MAKE) --no-print-directory e2e
web-test: web ## types and unit tests of the phone app
	@cd gateway/web && export $(WITH_NODE) && npm run --silent check && npm run --silent test
e2e: ## the phone app in a browser over a real box (build first: make all build/fixture-box web)
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(B) XINKE_WEB=$(CURDIR)/$(B)/web node --test --test-concurrency=1 tests/e2e/*.test.mjs
shots: deps-test ## every screen of the phone app at 360x800 in Chinese into build/shots
	@$(MAKE) --no-print-directory all $(O)/fixture-box web
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(O) XINKE_WEB=$(CURDIR)/$(B)/web node tests/e2e/shots.mjs $(CURDIR)/$(B)/shots
integration: ## the suites over real processes (build first: make all; make SAN=1 all)
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(B)/san XINKE_PLAIN=$(CURDIR)/$(B) node --test --test-concurrency=2 tests/lib/*_test.mjs \
		schema/scripts/*_test.mjs tests/integration/*.test.mjs
papers: deps-test ## render every paper in A4 and roll by Chromium to build/papers, and check that nothing stands outside of it
	@$(MAKE) --no-print-directory all $(O)/fixture-box
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(O) XINKE_PAPERS=$(CURDIR)/$(B)/papers node tests/papers/papers.mjs
SEED := 1
SEEDS := 2000
sim: ## the simulator: SEEDS runs from SEED on; a failing one says how to play it again
	@$(MAKE) --no-print-directory $(B)/sim/sim
	@tests/sim/run $(B)/sim/sim $(SEED) $(SEEDS)
sim-test: ## the part of the simulator that `make test` runs: its disk, 1,000 seeds, 40 with sanitizers, three mutants
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/sim/sim
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=1 $(B)/san/sim/sim $(B)/san/sim/vfs_test
	@$(MAKE) --no-print-directory -j$(JOBS) MUTANTS=1 $(B)/mutants/sim/sim
	@tests/unit/run $(B)/san/sim/vfs_test
	@$(B)/san/sim/sim --seed 5001 --count 40
	@tests/sim/run $(B)/sim/sim 1 1000
	@$(B)/mutants/sim/sim --mutants ack_before_commit,answer_before_commit,floor_by_system_clock --count 1000
mutants: ## plants each fault of tests/sim/mutants.def in turn: the simulator must catch it within 1,000 seeds
	@$(MAKE) --no-print-directory MUTANTS=1 $(B)/mutants/sim/sim
	@$(B)/mutants/sim/sim --mutants all --seed $(SEED) --count 1000
FUZZ_TIME := 60
FUZZ_TARGETS := $(FUZZERS)
fuzz: ## FUZZ_TIME seconds (60) for each of FUZZ_TARGETS (all), from tests/fuzz/corpus; findings to build/fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) FUZZ=1 $(FUZZERS:%=$(B)/fuzz/%_fuzz)
	@tests/fuzz/run $(B)/fuzz $(FUZZ_TIME) $(FUZZ_TARGETS)
fuzz-seeds: ## write the first inputs of tests/fuzz/corpus anew, from the project's own forms
	@$(MAKE) --no-print-directory FUZZ=1 $(B)/fuzz/fuzz_seeds
	@$(B)/fuzz/fuzz_seeds tests/fuzz/corpus
bench: ## measure against raw limits in one run; figures to build/bench, a table to the terminal (the line: bench-link)
	@B=$(B) packaging/install-deps.sh bench
	@$(MAKE) --no-print-directory all $(B)/bench/raw $(B)/bench/ingest
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(B) node tests/bench/bench.mjs
bench-wire: $(O)/bench/wire ## bytes of a registration on its way to the county
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(O) node tests/bench/wire.mjs
bench-link: ## root only: 10,000 records over a line of 256 kbit/s, with delay, going on and off, and against gzip
	@B=$(B) packaging/install-deps.sh bench
	@$(MAKE) --no-print-directory all $(B)/bench/relay $(B)/bench/fill $(B)/bench/wire
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(B) node tests/bench/link.mjs
flap: ## root only: 200 cases and 20 photos over a line that is there 2 seconds of every 6
	@B=$(B) packaging/install-deps.sh bench
	@$(MAKE) --no-print-directory all $(B)/bench/relay
	@$(WITH_NODE) XINKE_BIN=$(CURDIR)/$(B) node tests/bench/flap.mjs
# Only before a dictionary is released: a form that boxes write with must stay what it is (schema/dict/README.md).
dict: $(O)/train_dict ## make schema/dict anew from the wire's form, the catalog and the training words
	@$(WITH_NODE) node schema/scripts/dict-samples.mjs > $(O)/dict-samples.jsonl
	@$(O)/train_dict 32769 32768 < $(O)/dict-samples.jsonl > $(O)/exchange-1.zdict
	@cp $(O)/exchange-1.zdict schema/dict/
lint: deps-test ## format, static analysis, shell, OpenAPI
	@clang-format-14 --dry-run -Werror $(C_FILES) && echo "clang-format: ok"
	@cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -I. -I$(GEN) \
		--suppress=missingIncludeSystem \
		'-Djson_array_foreach(a,i,v)=for(i=0;(v=json_array_get(a,i));i++)' \
		'-Djson_object_foreach(o,k,v)=for(k=json_key(o,&v);k;)' $(filter %.c,$(C_FILES)) && echo "cppcheck: ok"
	@$(MAKE) --no-print-directory -s CC=clang-14 WERROR=1 B=$(B)/clang all >/dev/null && echo "clang-14 -Werror: ok"
	@$(MAKE) --no-print-directory -s CC=gcc WERROR=1 B=$(B)/gcc all >/dev/null && echo "gcc -Werror: ok"
	@shellcheck $(SH_FILES) && echo "shellcheck: ok"
	@cd tests && $(WITH_NODE) npm run --silent lint:openapi
	@packaging/check-tree.sh
fmt: ## format every C file
	@clang-format-14 -i $(C_FILES)
clean: ## remove what was built (not build/run: make stop first, then remove it by hand)
	rm -rf $(O)/obj $(O)/unit $(LIB) $(PROGRAMS:%=$(O)/%) $(GEN)
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  %-44s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
