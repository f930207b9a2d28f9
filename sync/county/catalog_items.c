/* The table of items (catalog_read.h), both ways. A cell becomes the member that its column names; words that no column
 * knows are put into the document as they stand, so that catalog_check says what is wrong with them and where. */
#include "sync/county/catalog_check.h"
#include "sync/county/catalog_read.h"

#include "shared/buf.h"
#include "shared/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum cell { CELL_TEXT, CELL_NULLABLE, CELL_WORD, CELL_DAYS, CELL_BOOL };

struct word {
	const char *zh, *value; /* value NULL = null */
};
static const struct word levels[] = {{"受理", "accept"}, {"办理", "handle"}, {"不提供", NULL}, {NULL, NULL}};
static const struct word records[] = {
    {"申请", "application"}, {"服务", "service"}, {"活动", "activity"}, {"调解", "mediation"}, {NULL, NULL}};

static const struct column {
	const char *zh, *path; /* path: "name" or "levels/village" */
	enum cell cell;
	bool required;
	const struct word *words;
	int64_t days; /* where the cell is empty; 0 = null */
	const char *help;
} columns[] = {
    {"事项编码", "code", CELL_TEXT, true, NULL, 0, "652323-001; a code that the annex in force has"},
    {"事项名称", "name", CELL_TEXT, true, NULL, 0, "as it is shown"},
    {"类别", "category", CELL_TEXT, true, NULL, 0, "行政许可, 行政给付, 行政确认, 行政奖励 or 公共服务"},
    {"记录方式", "record", CELL_WORD, true, records, 0, "申请, 服务, 活动 or 调解"},
    {"乡镇", "levels/township", CELL_WORD, true, levels, 0, "受理, 办理 or 不提供"},
    {"村", "levels/village", CELL_WORD, true, levels, 0, "受理, 办理 or 不提供"},
    {"社区", "levels/community", CELL_WORD, true, levels, 0, "受理, 办理 or 不提供"},
    {"部门", "department", CELL_TEXT, true, NULL, 0, "who decides"},
    {"窗口", "window", CELL_TEXT, false, NULL, 0, ""},
    {"告知天数", "days/notice", CELL_DAYS, false, NULL, 5, "working days; 5 where it is empty"},
    {"决定天数", "days/decision", CELL_DAYS, false, NULL, 20, "working days; 20 where it is empty"},
    {"承诺天数", "days/promise", CELL_DAYS, false, NULL, 0, "working days; none where it is empty"},
    {"送达天数", "days/delivery", CELL_DAYS, false, NULL, 10, "working days; 10 where it is empty"},
    {"默认受理", "deem_accept", CELL_BOOL, false, NULL, 0, "是 or 否"},
    {"保存年限", "retention_years", CELL_DAYS, false, NULL, 0,
     "years from the archive on; nothing is erased where it is empty"},
    {"备注", "note", CELL_NULLABLE, false, NULL, 0, ""},
    {"拼音", "pinyin", CELL_TEXT, false, NULL, 0, "for searching"},
    {"首字母", "initials", CELL_TEXT, false, NULL, 0, "for searching"},
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

void catalog_read_columns(FILE *out)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		(void)fprintf(out, "  %s%s%s%s%s\n", columns[i].zh, columns[i].required ? " (required)" : "",
		              *columns[i].help ? ": " : "", columns[i].help, "");
}

/* --- a table into a document --- */

/* "12" as a number; what is none stays text. */
static json_t *days_value(const char *cell, int64_t empty)
{
	char *end = NULL;
	if (!*cell) return empty ? json_integer(empty) : json_null();
	long long n = strtoll(cell, &end, 10);
	bool plain = strspn(cell, "-0123456789") == strlen(cell) && *end == '\0' && strlen(cell) < 10;
	return plain ? json_integer(n) : json_string(cell);
}

static json_t *word_value(const char *cell, const struct word *words)
{
	for (; words->zh; words++)
		if (strcmp(cell, words->zh) == 0) return words->value ? json_string(words->value) : json_null();
	return json_string(cell);
}

static json_t *value_of(const struct column *c, const char *cell)
{
	switch (c->cell) {
	case CELL_WORD: return word_value(cell, c->words);
	case CELL_DAYS: return days_value(cell, c->days);
	case CELL_BOOL:
		return strcmp(cell, "是") == 0   ? json_true()
		       : strcmp(cell, "否") == 0 ? json_false()
		                                 : json_string(cell);
	case CELL_NULLABLE: return *cell ? json_string(cell) : json_null();
	default: return json_string(cell);
	}
}

static int set_path(json_t *item, const char *path, json_t *value)
{
	char parent[32];
	const char *slash = strchr(path, '/');
	if (!slash) return json_object_set_new(item, path, value);
	(void)snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
	return json_object_set_new(json_object_get(item, parent), slash + 1, value);
}

static json_t *get_path(const json_t *item, const char *path)
{
	char parent[32];
	const char *slash = strchr(path, '/');
	if (!slash) return json_object_get(item, path);
	(void)snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
	return json_object_get(json_object_get(item, parent), slash + 1);
}

/* An item that the annex does not have yet: its guide says nothing, and says so. */
static json_t *new_item(void)
{
	return json_pack("{s:{s:n, s:n, s:n}, s:{s:i, s:i, s:n, s:i}, s:n, s:n, s:s, s:s, s:s, s:b,"
	                 " s:{s:s, s:n, s:[], s:[], s:[], s:[], s:{s:n}, s:{s:n}, s:n, s:n, s:[s,s,s,s,s,s,s,s]}}",
	                 "levels", "township", "village", "community", "days", "notice", 5, "decision", 20, "promise",
	                 "delivery", 10, "annex_no", "note", "window", "", "pinyin", "", "initials", "", "deem_accept",
	                 0, "guide", "status", "none", "mark", "basis", "conditions", "materials", "process",
	                 "time_limit", "text", "fee", "text", "contact", "place", "pending", "basis", "conditions",
	                 "materials", "process", "time_limit", "fee", "contact", "place");
}

/* An empty cell of what the item does not have leaves it without. */
static int set_cell(json_t *item, const struct column *c, const char *cell)
{
	json_t *value = value_of(c, cell);
	if (!json_is_null(value) || get_path(item, c->path)) return set_path(item, c->path, value);
	json_decref(value);
	return 0;
}

static json_t *make_item(const struct catalog_table *t, size_t row, const int col[N_COLUMNS], const json_t *base)
{
	const char *code = catalog_table_cell(t, row, (size_t)col[0]);
	const json_t *old = catalog_check_find(base, code);
	json_t *item = old ? fields_deep_copy(old) : new_item();
	int bad = item ? 0 : 1;
	for (size_t i = 0; i < N_COLUMNS && !bad; i++)
		if (col[i] >= 0) bad = set_cell(item, &columns[i], catalog_table_cell(t, row, (size_t)col[i]));
	const char *type = catalog_check_type(fields_text(item, "category"));
	bool permit = type && strcmp(type, "01") == 0;
	if (!bad && !old) bad = json_object_set_new(item, "order", json_integer((json_int_t)row));
	if (!bad && type) bad = json_object_set_new(item, "type", json_string(type));
	if (!bad && type) bad = json_object_set_new(item, "permit", json_boolean(permit));
	/* another name is spelled otherwise: better not found than found by the old one's letters */
	bool renamed = old && strcmp(fields_text(old, "name"), fields_text(item, "name")) != 0;
	if (!bad && renamed && col[N_COLUMNS - 2] < 0) bad = json_object_set_new(item, "pinyin", json_string(""));
	if (!bad && renamed && col[N_COLUMNS - 1] < 0) bad = json_object_set_new(item, "initials", json_string(""));
	if (!bad) return item;
	json_decref(item);
	return NULL;
}

static void note_places(const struct catalog_table *t, size_t row, const int col[N_COLUMNS], struct catalog_faults *f)
{
	char pointer[64];
	(void)snprintf(pointer, sizeof pointer, "/items/%zu", row - 1);
	catalog_faults_place(f, pointer, t->row_no[row], 0);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (col[i] < 0) continue;
		(void)snprintf(pointer, sizeof pointer, "/items/%zu/%s", row - 1, columns[i].path);
		catalog_faults_place(f, pointer, t->row_no[row], (size_t)col[i] + 1);
	}
}

static bool read_header(const struct catalog_table *t, int col[N_COLUMNS], struct catalog_faults *f)
{
	size_t before = f->n;
	for (size_t i = 0; i < N_COLUMNS; i++) {
		col[i] = catalog_table_column(t, columns[i].zh);
		if (col[i] < 0 && columns[i].required)
			catalog_faults_cell(f, t->row_no[0], 0, "the column %s is missing", columns[i].zh);
	}
	for (size_t k = 0; k < t->cols; k++) {
		size_t i = 0;
		const char *name = catalog_table_cell(t, 0, k);
		if (!*name || catalog_table_column(t, name) != (int)k) continue; /* told by the table's reader */
		while (i < N_COLUMNS && col[i] != (int)k)
			i++;
		if (i == N_COLUMNS) catalog_faults_cell(f, t->row_no[0], k + 1, "nobody knows this column; see --help");
	}
	return f->n == before;
}

int catalog_read_items(const struct catalog_table *t, const json_t *base, json_t **out, struct catalog_faults *f,
                       struct err *e)
{
	int col[N_COLUMNS];
	*out = NULL;
	if (!base) return err_set(e, ERR_NOTFOUND, "a table goes with a catalog that is in force");
	if (!read_header(t, col, f)) return ERR_OK;
	json_t *doc = fields_copy(base), *items = json_array();
	int bad = !doc || !items || json_object_set(doc, "items", items);
	for (size_t row = 1; row < t->rows && !bad; row++) {
		note_places(t, row, col, f);
		json_t *item = make_item(t, row, col, base);
		bad = json_array_append_new(items, item);
	}
	json_decref(items);
	if (!bad && !f->nomem) {
		*out = doc;
		return ERR_OK;
	}
	json_decref(doc);
	return err_set(e, ERR_NOMEM, "catalog");
}

/* --- a document into a table --- */

static const char *cell_text(const struct column *c, const json_t *v, char number[24])
{
	for (const struct word *w = c->words; w && w->zh; w++)
		if (w->value ? json_is_string(v) && strcmp(json_string_value(v), w->value) == 0 : !v || json_is_null(v))
			return w->zh;
	if (json_is_boolean(v)) return json_is_true(v) ? "是" : "否";
	if (json_is_string(v)) return json_string_value(v);
	if (!json_is_integer(v)) return "";
	(void)snprintf(number, 24, "%" PRId64, (int64_t)json_integer_value(v));
	return number;
}

int catalog_read_export(const json_t *doc, struct buf *out, struct err *e)
{
	size_t k;
	const json_t *item;
	buf_adds(out, "\xEF\xBB\xBF"); /* a spreadsheet takes it for GBK otherwise */
	for (size_t i = 0; i < N_COLUMNS; i++)
		catalog_table_put(out, columns[i].zh, i == 0);
	buf_adds(out, "\r\n");
	json_array_foreach(json_object_get(doc, "items"), k, item) {
		for (size_t i = 0; i < N_COLUMNS; i++) {
			char number[24];
			catalog_table_put(out, cell_text(&columns[i], get_path(item, columns[i].path), number), i == 0);
		}
		buf_adds(out, "\r\n");
	}
	return out->bad ? err_set(e, ERR_NOMEM, "table") : ERR_OK;
}
