/* A report as CSV; see reports.h. What people wrote (an overtime reason) may begin with what a spreadsheet takes for a
 * formula: such a text gets an apostrophe, numbers of ours stay numbers. */
#include "shared/reports_internal.h"

#include "shared/fields.h"

#include <string.h>

static const char *skip_blanks(const char *s)
{
	static const char *const blanks[] = {" ", "\xC2\xA0", "\xE3\x80\x80",
	                                     REPORTS_BOM}; /* also no-break and ideographic ones */
	for (size_t i = 0; i < sizeof blanks / sizeof *blanks;) {
		size_t len = strlen(blanks[i]);
		bool is = strncmp(s, blanks[i], len) == 0;
		s += is ? len : 0;
		i = is ? 0 : i + 1;
	}
	return s;
}

/* Would a spreadsheet run it? The full-width signs (＝＋－＠) are read as the plain ones by some. */
static bool is_formula(const char *text)
{
	static const char *const signs[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
	const char *s = skip_blanks(text);
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (strncmp(s, signs[i], strlen(signs[i])) == 0) return true;
	return false;
}

void reports_csv_text(struct buf *b, const char *text)
{
	bool formula = is_formula(text);
	if (!formula && !strpbrk(text, ",\"\r\n")) {
		buf_adds(b, text);
		return;
	}
	buf_adds(b, formula ? "\"'" : "\"");
	for (; *text; text++) {
		if (*text == '"') buf_addc(b, '"');
		buf_addc(b, *text);
	}
	buf_addc(b, '"');
}

static void add_row(struct buf *b, const struct report_shape *s, bool placed, const json_t *row)
{
	const struct report_column *c;
	for (size_t i = 0; (c = reports_column(s, placed, i)); i++) {
		const json_t *cell = json_object_get(row, c->name);
		if (i) buf_addc(b, ',');
		if (json_is_integer(cell))
			buf_addi(b, json_integer_value(cell));
		else if (json_is_string(cell))
			reports_csv_text(b, json_string_value(cell));
	}
	buf_adds(b, "\r\n");
}

int reports_csv(enum report_kind k, const json_t *report, struct buf *out, struct err *e)
{
	const struct report_shape *s = reports_shape(k);
	const struct report_column *c;
	bool placed = fields_get(report, "by") != NULL;
	size_t i;
	const json_t *row;
	buf_adds(out, REPORTS_BOM);
	for (i = 0; (c = reports_column(s, placed, i)); i++)
		buf_addf(out, "%s%s %s", i ? "," : "", c->zh, c->name);
	buf_adds(out, "\r\n");
	json_array_foreach(json_object_get(report, "rows"), i, row)
		add_row(out, s, placed, row);
	int64_t left = fields_int(json_object_get(report, "totals"), "left_out", 0);
	if (left) buf_addf(out, "另有 %lld 行未列出 more rows not listed\r\n", (long long)left);
	return out->bad ? err_set(e, ERR_NOMEM, "report") : ERR_OK;
}

/* "2026-11-24" without its dashes. */
static void add_date(struct buf *b, const char *date)
{
	if (*date) buf_addc(b, '-');
	for (; *date; date++)
		if (*date != '-') buf_addc(b, *date);
}

void reports_disposition(enum report_kind k, const json_t *report, char out[REPORTS_DISPOSITION_MAX])
{
	struct buf b;
	buf_init(&b, REPORTS_DISPOSITION_MAX - 1);
	buf_addf(&b, "attachment; filename=\"xinke-%s", reports_name(k));
	add_date(&b, fields_text(report, "from"));
	add_date(&b, fields_text(report, "to"));
	buf_adds(&b, ".csv\"");
	memcpy(out, b.bad ? "attachment" : b.data, b.bad ? sizeof "attachment" : b.len + 1);
	buf_release(&b);
}
