/* Makes the exchange dictionary from the lines of schema/scripts/dict-samples.mjs on its input: `make dict`.
 *
 *   train_dict ID BYTES <LINES >DICTIONARY
 *
 * Its content is the lines' core, what ZDICT finds in the exchanges (fastCover), and whole exchanges last, where
 * references to them are shortest; its entropy tables are those of the exchanges. schema/dict/README.md tells why. The
 * same input and the same zstd give the same bytes. */
#include "tests/lib/exchanges.h"

#include "shared/fields.h"

#include <stdlib.h>
#include <string.h>
#include <zdict.h>

#define LEVEL       9    /* whose choices the entropy tables suit */
#define LAST        6144 /* bytes of whole exchanges at the end */
#define TABLES      1024 /* bytes left for the entropy tables, which need less */
#define SAMPLES_MAX (64u << 20)

struct samples {
	struct buf text;  /* one after the other */
	size_t *sizes, n; /* of each */
};

static void add(struct samples *s, const struct exchanges_line *l)
{
	size_t len;
	char *text = exchanges_text(l, &len);
	size_t *sizes = realloc(s->sizes, (s->n + 1) * sizeof *sizes);
	if (!sizes) exchanges_die("samples", "out of memory");
	s->sizes = sizes;
	s->sizes[s->n++] = len;
	buf_add(&s->text, text, len);
	free(text);
}

static json_t *read_core(FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	json_error_t je;
	json_t *j = getline(&line, &cap, f) > 0 ? json_loads(line, 0, &je) : NULL;
	free(line);
	if (!j || !*fields_text(j, "core")) exchanges_die("core", "no such line");
	return j;
}

/* Appends the content of a dictionary of BYTES that ZDICT finds in S. */
static void add_found(struct buf *content, const struct samples *s, size_t bytes)
{
	char *found = malloc(bytes);
	if (!found) exchanges_die("training", "out of memory");
	size_t n = ZDICT_trainFromBuffer(found, bytes, s->text.data, s->sizes, (unsigned)s->n);
	if (ZDICT_isError(n)) exchanges_die("training", ZDICT_getErrorName(n));
	size_t header = ZDICT_getDictHeaderSize(found, n);
	if (ZDICT_isError(header)) exchanges_die("training", ZDICT_getErrorName(header));
	buf_add(content, found + header, n - header);
	free(found);
}

/* Appends exchanges from the middle of S, the last one whole. */
static void add_last(struct buf *content, const struct samples *s)
{
	size_t end = 0;
	for (size_t i = 0; i < s->n / 2 || end < LAST; i++)
		end += s->sizes[i];
	buf_add(content, s->text.data + end - LAST, LAST);
}

int main(int argc, char **argv)
{
	struct samples s = {0};
	struct exchanges_line l;
	struct buf content;
	if (argc != 3) {
		(void)fprintf(stderr, "usage: train_dict ID BYTES <LINES >DICTIONARY\n");
		return 2;
	}
	size_t bytes = strtoul(argv[2], NULL, 10);
	ZDICT_params_t params = {.compressionLevel = LEVEL, .dictID = (unsigned)strtoul(argv[1], NULL, 10)};
	buf_init(&s.text, SAMPLES_MAX);
	buf_init(&content, SAMPLES_MAX);
	json_t *core = read_core(stdin);
	for (; exchanges_next(stdin, &l); exchanges_release(&l))
		add(&s, &l);
	buf_adds(&content, fields_text(core, "core"));
	add_found(&content, &s, bytes - TABLES - LAST - content.len);
	add_last(&content, &s);
	char *out = malloc(bytes);
	if (!out || s.text.bad || content.bad) exchanges_die("dictionary", "out of memory");
	size_t n = ZDICT_finalizeDictionary(out, bytes, content.data, content.len, s.text.data, s.sizes, (unsigned)s.n,
	                                    params);
	if (ZDICT_isError(n)) exchanges_die("dictionary", ZDICT_getErrorName(n));
	if (fwrite(out, 1, n, stdout) != n || fflush(stdout)) exchanges_die("dictionary", "cannot be written");
	(void)fprintf(stderr, "dictionary %u: %zu bytes from %zu exchanges of %zu bytes\n", params.dictID, n, s.n,
	              s.text.len);
	free(out);
	free(s.sizes);
	buf_release(&s.text);
	buf_release(&content);
	json_decref(core);
	return 0;
}
