/* The simulator: `sim --seed FIRST --count N`. One seed is one run; a failing seed is printed with the command that plays
 * it again. Every 50th runs twice and must give the same trace. */
#include "tests/sim/alloc.h"
#include "tests/sim/mutants.h"
#include "tests/sim/run.h"
#include "tests/sim/world.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWICE 50

static const struct {
	const char *name, *help;
} faults[] = {
#define FAULT(id, name, per_mille, help) {name, help},
#include "tests/sim/faults.def"
#undef FAULT
};

struct options {
	uint64_t seed, count;
	uint32_t allowed;
	bool all, print, keep_going, try_mutants;
	const char *mutants; /* to be tried; NULL = all */
};

static int usage(void)
{
	printf("use: sim [--seed FIRST] [--count N] [--faults NAME,NAME,...|none] [--all] [--trace] [--keep-going]\n"
	       "       sim --mutants all|NAME,NAME,... [--seed FIRST] [--count N]; sim --mutant NAME ...\n"
	       "  --all   every run has every fault that is allowed\nfaults:\n");
	for (int i = 0; i < FAULT_COUNT; i++)
		printf("  %-10s %s\n", faults[i].name, faults[i].help);
	return 2;
}

/* "a,b" into bits, "-a,b" into all others; false on a name that there is not. */
static bool read_faults(const char *text, uint32_t *out)
{
	bool except = *text == '-';
	uint32_t bits = 0;
	if (except) text++;
	while (*text) {
		size_t n = strcspn(text, ",");
		int i = 0;
		while (i < FAULT_COUNT && (strlen(faults[i].name) != n || strncmp(text, faults[i].name, n) != 0))
			i++;
		if (i == FAULT_COUNT && !(n == 4 && strncmp(text, "none", 4) == 0)) return false;
		if (i < FAULT_COUNT) bits |= 1u << i;
		text += n + (text[n] == ',');
	}
	*out = except ? ~bits : bits;
	return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	*o = (struct options){.seed = 1, .count = 1, .allowed = UINT32_MAX};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--all") == 0)
			o->all = true;
		else if (strcmp(argv[i], "--trace") == 0)
			o->print = true;
		else if (strcmp(argv[i], "--keep-going") == 0)
			o->keep_going = true;
		else if (!value)
			return false;
		else if (strcmp(argv[i], "--seed") == 0)
			o->seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--count") == 0)
			o->count = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--mutants") == 0) {
			o->try_mutants = true;
			o->mutants = strcmp(argv[++i], "all") == 0 ? NULL : argv[i];
		} else if (strcmp(argv[i], "--mutant") == 0) {
			if (!mutant_set(argv[++i])) return false;
		} else if (strcmp(argv[i], "--faults") != 0 || !read_faults(argv[++i], &o->allowed))
			return false;
	}
	return true;
}

static void print_faults(uint32_t bits)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		if (bits >> i & 1) printf(" %s", faults[i].name);
}

static bool one(struct kit *k, const struct options *o, uint64_t seed, struct run_result *sum)
{
	struct run_result r, twice;
	run_seed(k, seed, o->allowed, o->all, o->print, &r);
	if (!*r.failed && seed % TWICE == 0) {
		run_seed(k, seed, o->allowed, o->all, false, &twice);
		if (twice.hash != r.hash)
			(void)snprintf(r.failed, sizeof r.failed, "replay: two runs of one seed differ");
	}
	sum->exchanges += r.exchanges;
	sum->acked += r.acked;
	sum->events += r.events;
	if (o->print) printf("trace %016llx\n", (unsigned long long)r.hash);
	if (!*r.failed) return true;
	printf("sim: seed %llu FAILED: %s\n  faults:", (unsigned long long)seed, r.failed);
	print_faults(r.faults);
	printf("\n  again: sim --seed %llu --count 1%s --trace\n", (unsigned long long)seed, o->all ? " --all" : "");
	(void)fflush(stdout);
	return false;
}

int main(int argc, char **argv)
{
	static struct kit k; /* too large for the stack */
	struct options o;
	struct run_result sum = {0};
	uint64_t failed = 0, done = 0;
	if (!read_options(argc, argv, &o)) return usage();
	json_object_seed(1);
	(void)mallopt(M_MMAP_THRESHOLD, 256 << 20); /* disks come and go: keep their pages */
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	vfs_register();
	kit_make(&k, XINKE_ROOT);
	if (o.try_mutants) {
		int escaped = mutants_try(&k, o.mutants, o.allowed, o.seed, o.count);
		kit_release(&k);
		return escaped != 0;
	}
	for (; done < o.count && (!failed || o.keep_going); done++)
		failed += !one(&k, &o, o.seed + done, &sum);
	kit_release(&k);
	printf("sim: %llu seeds from %llu, %llu failed (%lld exchanges, %lld answers of 201, %lld events)\n",
	       (unsigned long long)done, (unsigned long long)o.seed, (unsigned long long)failed,
	       (long long)sum.exchanges, (long long)sum.acked, (long long)sum.events);
	return failed != 0;
}
