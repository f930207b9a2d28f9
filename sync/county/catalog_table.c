/* See catalog_table.h. One pass over the bytes; a mistake is noted and the pass goes on where it can. */
#include "sync/county/catalog_table.h"

#include "shared/buf.h"
#include "shared/text.h"

#include <stdlib.h>
#include <string.h>

#define BOM "\xEF\xBB\xBF"

struct reader {
	const char *p, *end;
	struct catalog_table *t;
	struct catalog_faults *f;
	size_t row, col; /* of the cell that is read, from 1 */
	size_t in_row;   /* cells of this row that are kept */
	size_t cap;      /* of t->cells, in cells */
	size_t row_cap;
	bool filled;  /* this row has a cell that is not empty */
	bool stopped; /* nothing more can be read */
	struct buf cell;
};

void catalog_table_release(struct catalog_table *t)
{
	for (size_t i = 0; i < t->rows * t->cols; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->row_no);
	*t = (struct catalog_table){0};
}

const char *catalog_table_cell(const struct catalog_table *t, size_t row, size_t col)
{
	const char *c = t->cells[row * t->cols + col];
	return c ? c : "";
}

int catalog_table_column(const struct catalog_table *t, const char *name)
{
	for (size_t i = 0; t->rows && i < t->cols; i++)
		if (strcmp(catalog_table_cell(t, 0, i), name) == 0) return (int)i;
	return -1;
}

void catalog_table_put(struct buf *out, const char *text, bool first)
{
	if (!first) buf_addc(out, ',');
	if (!text[strcspn(text, ",\"\r\n")] && text[0] != ' ') {
		buf_adds(out, text);
		return;
	}
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"') buf_addc(out, '"');
		buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

/* --- one cell --- */

/* Up to the closing quote; what follows it is checked by the caller. */
static void quoted(struct reader *r)
{
	for (r->p++; r->p < r->end; r->p++) {
		if (*r->p != '"') {
			buf_addc(&r->cell, *r->p);
		} else if (r->p + 1 < r->end && r->p[1] == '"') {
			buf_addc(&r->cell, '"');
			r->p++;
		} else {
			r->p++;
			return;
		}
	}
	catalog_faults_cell(r->f, r->row, r->col, "a quote is opened here and never closed");
	r->stopped = true;
}

static bool ends_cell(const struct reader *r)
{
	return r->p >= r->end || *r->p == ',' || *r->p == '\n' || *r->p == '\r';
}

/* Cells that a spreadsheet would compute: a saved formula, or one that somebody slipped in (OWASP, "CSV injection"). */
static bool is_formula(const char *s)
{
	if (*s == '=' || *s == '@') return true;
	return (*s == '+' || *s == '-') && s[1] && !(s[1] >= '0' && s[1] <= '9');
}

static char *trimmed(char *s)
{
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s + strspn(s, " \t");
}

static void check_cell(struct reader *r, const char *s)
{
	if (!text_utf8_valid(s, strlen(s))) {
		catalog_faults_cell(r->f, r->row, r->col,
		                    "this is no UTF-8 (GBK, perhaps): save the file as \"CSV UTF-8\"");
		r->stopped = true; /* of another encoding every further cell would be wrong */
	} else if (text_has_control(s, strlen(s), true)) {
		catalog_faults_cell(r->f, r->row, r->col, "it holds control characters");
	} else if (is_formula(s)) {
		catalog_faults_cell(r->f, r->row, r->col, "a formula, where its value is wanted");
	}
}

/* Room for N cells, new ones NULL. */
static int reserve(struct reader *r, size_t n, struct err *e)
{
	size_t cap = r->cap ? r->cap : 1024;
	if (n <= r->cap) return ERR_OK;
	while (cap < n)
		cap *= 2;
	char **more = realloc(r->t->cells, cap * sizeof *more);
	if (!more) return err_set(e, ERR_NOMEM, "table");
	memset(more + r->cap, 0, (cap - r->cap) * sizeof *more);
	r->t->cells = more;
	r->cap = cap;
	return ERR_OK;
}

static int keep(struct reader *r, const char *s, struct err *e)
{
	struct catalog_table *t = r->t;
	bool header = t->rows == 0;
	if (header && r->col > CATALOG_TABLE_COLUMNS) {
		catalog_faults_cell(r->f, r->row, r->col, "more than %d columns", CATALOG_TABLE_COLUMNS);
		r->stopped = true;
		return ERR_OK;
	}
	if (!header && r->col > t->cols) {
		if (*s) catalog_faults_cell(r->f, r->row, r->col, "the header has no such column");
		return ERR_OK;
	}
	size_t at = t->rows * t->cols + r->in_row;
	int rc = reserve(r, at + 1, e);
	if (rc) return rc;
	t->cells[at] = strdup(s);
	r->in_row++;
	return t->cells[at] ? ERR_OK : err_set(e, ERR_NOMEM, "table");
}

static int read_cell(struct reader *r, struct err *e)
{
	buf_reset(&r->cell);
	bool opened = r->p < r->end && *r->p == '"';
	if (opened) quoted(r);
	if (opened && !r->stopped && !ends_cell(r))
		catalog_faults_cell(r->f, r->row, r->col, "text behind a closing quote");
	bool quote = false;
	for (; !ends_cell(r); r->p++) {
		if (*r->p == '"' && !opened && !quote) {
			quote = true;
			catalog_faults_cell(r->f, r->row, r->col, "a quote inside a cell that does not begin with one");
		}
		buf_addc(&r->cell, *r->p);
	}
	if (r->cell.bad && !r->cell.full) return err_set(e, ERR_NOMEM, "table");
	bool full = r->cell.full, nul = memchr(r->cell.data, '\0', r->cell.len) != NULL;
	if (full)
		catalog_faults_cell(r->f, r->row, r->col, "longer than %d bytes", CATALOG_TABLE_CELL);
	else if (nul)
		catalog_faults_cell(r->f, r->row, r->col, "it holds a NUL: a UTF-16 file, perhaps; UTF-8 is wanted");
	else
		check_cell(r, r->cell.data);
	if (full || nul) { /* what is left of it may be half a character */
		buf_reset(&r->cell);
		buf_addc(&r->cell, '?');
	}
	char *s = trimmed(r->cell.data);
	if (*s) r->filled = true;
	return keep(r, s, e);
}

/* --- rows --- */

static void forget_row(struct reader *r)
{
	struct catalog_table *t = r->t;
	for (size_t i = 0; i < r->in_row; i++) {
		free(t->cells[t->rows * t->cols + i]);
		t->cells[t->rows * t->cols + i] = NULL;
	}
}

static int end_row(struct reader *r, struct err *e)
{
	struct catalog_table *t = r->t;
	if (!r->filled) {
		forget_row(r);
		return ERR_OK;
	}
	if (t->rows >= CATALOG_TABLE_ROWS) {
		forget_row(r);
		catalog_faults_cell(r->f, r->row, 0, "more than %d rows", CATALOG_TABLE_ROWS);
		r->stopped = true;
		return ERR_OK;
	}
	if (t->rows >= r->row_cap) {
		size_t cap = r->row_cap ? 2 * r->row_cap : 128;
		size_t *more = realloc(t->row_no, cap * sizeof *more);
		if (!more) return err_set(e, ERR_NOMEM, "table");
		t->row_no = more;
		r->row_cap = cap;
	}
	size_t cols = t->rows ? t->cols : r->in_row;
	int rc = reserve(r, (t->rows + 1) * cols, e);
	if (rc) return rc;
	t->cols = cols;
	t->row_no[t->rows++] = r->row;
	return ERR_OK;
}

static int read_row(struct reader *r, struct err *e)
{
	int rc = ERR_OK;
	r->row++;
	r->in_row = 0;
	r->filled = false;
	for (r->col = 1; !rc && !r->stopped; r->col++) {
		rc = read_cell(r, e);
		if (r->p >= r->end || *r->p != ',') break;
		r->p++;
	}
	if (r->p < r->end && *r->p == '\r') r->p++;
	if (r->p < r->end && *r->p == '\n') r->p++;
	if (!rc) rc = end_row(r, e);
	if (rc) forget_row(r);
	return rc;
}

/* A column without a heading may stand there, as spreadsheets leave them, while nothing stands in it. */
static void check_nameless(struct reader *r, size_t col)
{
	for (size_t row = 1; row < r->t->rows; row++)
		if (*catalog_table_cell(r->t, row, col))
			catalog_faults_cell(r->f, r->t->row_no[row], col + 1, "the column has no heading");
}

static void take_header(struct reader *r)
{
	r->f->header = json_array();
	for (size_t i = 0; i < r->t->cols; i++)
		if (json_array_append_new(r->f->header, json_string(catalog_table_cell(r->t, 0, i))))
			r->f->nomem = true;
	for (size_t i = 0; i < r->t->cols; i++) {
		const char *name = catalog_table_cell(r->t, 0, i);
		if (*name && catalog_table_column(r->t, name) != (int)i)
			catalog_faults_cell(r->f, r->t->row_no[0], i + 1, "the column stands twice");
	}
}

int catalog_table_read(const char *text, size_t len, struct catalog_table *out, struct catalog_faults *f, struct err *e)
{
	*out = (struct catalog_table){0};
	struct reader r = {.p = text, .end = text + len, .t = out, .f = f};
	int rc = ERR_OK;
	buf_init(&r.cell, CATALOG_TABLE_CELL);
	buf_adds(&r.cell, " "); /* so that its bytes can be wiped and looked at */
	if (len >= 3 && memcmp(text, BOM, 3) == 0) r.p += 3;
	if (len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0)) {
		catalog_faults_cell(f, 1, 1, "a UTF-16 file: save it as \"CSV UTF-8\"");
		r.stopped = true;
	}
	if (r.cell.bad) rc = err_set(e, ERR_NOMEM, "table");
	while (!rc && !r.stopped && r.p < r.end) {
		bool first = out->rows == 0;
		rc = read_row(&r, e);
		if (!rc && first && out->rows && !r.stopped) take_header(&r);
	}
	buf_release(&r.cell);
	for (size_t i = 0; !rc && out->rows && i < out->cols; i++)
		if (!*catalog_table_cell(out, 0, i)) check_nameless(&r, i);
	if (!rc && out->rows == 0 && f->n == 0) catalog_faults_cell(f, 1, 0, "the table is empty");
	return rc ? rc : r.stopped || out->rows == 0 ? err_set(e, ERR_INVALID, "no table") : ERR_OK;
}
