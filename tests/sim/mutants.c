/* See mutants.h. A child a mutant, two at a time: a mutant may crash, and its memory is thrown away with it. */
#include "tests/sim/mutants.h"

#include "shared/mutant.h"
#include "tests/sim/run.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 2

#ifdef XINKE_MUTANTS

static const struct {
	const char *name, *what;
} rows[] = {
#define MUTANT_ROW(name, what) {#name, what},
#include "tests/sim/mutants.def"
#undef MUTANT_ROW
};

#define N_ROWS (sizeof rows / sizeof *rows)

static const char *who; /* NULL = none; the literal of its row */

bool mutant_is(const char *name)
{
	return who && strcmp(who, name) == 0;
}

bool mutant_set(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].name, name) != 0) continue;
		who = rows[i].name;
		return true;
	}
	return false;
}

static bool wanted(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, n) == 0 && (at[n] == '\0' || at[n] == ',')) return true;
	return !names;
}

/* In the child: 0 when a seed caught it, 1 when none did. */
static int live(struct kit *k, size_t i, uint32_t allowed, uint64_t seed, uint64_t count)
{
	who = rows[i].name;
	for (uint64_t n = 0; n < count; n++) {
		struct run_result r;
		run_seed(k, seed + n, allowed, false, false, &r);
		if (!*r.failed) continue;
		printf("mutant %-25s caught by seed %llu: %.90s\n", who, (unsigned long long)(seed + n), r.failed);
		(void)fflush(stdout);
		return 0;
	}
	return 1;
}

static int reap(const pid_t *pids, int *escaped)
{
	int status;
	pid_t pid = wait(&status);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (pids[i] != pid) continue;
		if (WIFSIGNALED(status)) printf("mutant %-25s caught: it crashes\n", rows[i].name);
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return 1;
		printf("mutant %-25s ESCAPED: %s\n", rows[i].name, rows[i].what);
		(*escaped)++;
	}
	return 1;
}

int mutants_try(struct kit *k, const char *names, uint32_t allowed, uint64_t seed, uint64_t count)
{
	pid_t pids[N_ROWS] = {0};
	int running = 0, escaped = 0, tried = 0;
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!wanted(names, rows[i].name)) continue;
		if (running == AT_ONCE) running -= reap(pids, &escaped);
		(void)fflush(stdout);
		pids[i] = fork();
		if (pids[i] == 0) _exit(live(k, i, allowed, seed, count));
		running++;
		tried++;
	}
	while (running)
		running -= reap(pids, &escaped);
	printf("mutants: %d planted, %d caught\n", tried, tried - escaped);
	return escaped;
}

#else

bool mutant_set(const char *name)
{
	(void)name;
	return false;
}

int mutants_try(struct kit *k, const char *names, uint32_t allowed, uint64_t seed, uint64_t count)
{
	(void)k;
	(void)names;
	(void)allowed;
	(void)seed;
	(void)count;
	printf("mutants: this build has none; make MUTANTS=1\n");
	return -1;
}

#endif
