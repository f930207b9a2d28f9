/* See catalog_diff.h. */
#include "sync/county/catalog_diff.h"

#include "shared/fields.h"
#include "sync/county/catalog_check.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 200
#define SHOWN_MAX   72 /* bytes of a value that a line shows */

struct walk {
	json_t *changed;
	const json_t *item; /* NULL = outside of the items */
	bool nomem;
};

static json_t *or_null(const json_t *v)
{
	return v ? json_incref((json_t *)(uintptr_t)v) : json_null();
}

static void put(struct walk *w, const char *pointer, json_t *old, json_t *new)
{
	json_t *one =
	    json_pack("{s:s?, s:s?, s:s, s:o, s:o}", "code", w->item ? fields_text(w->item, "code") : NULL, "name",
	              w->item ? fields_text(w->item, "name") : NULL, "pointer", pointer, "old", old, "new", new);
	if (json_array_append_new(w->changed, one)) w->nomem = true;
}

static bool texts(const json_t *v)
{
	size_t i;
	json_t *one;
	json_array_foreach(v, i, one) {
		if (!json_is_string(one)) return false;
	}
	return json_is_array(v);
}

/* What A has and B has not. */
static json_t *without(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *one, *other, *out = json_array();
	json_array_foreach(a, i, one) {
		bool there = false;
		json_array_foreach(b, k, other) {
			there |= json_equal(one, other) != 0;
		}
		if (!there) (void)json_array_append(out, one);
	}
	return out;
}

static void compare(struct walk *w, const char *pointer, const json_t *a, const json_t *b);

static void member(struct walk *w, const char *pointer, const char *key, const json_t *a, const json_t *b)
{
	char at[POINTER_MAX];
	(void)snprintf(at, sizeof at, "%s/%s", pointer, key);
	compare(w, at, json_object_get(a, key), json_object_get(b, key));
}

static void compare(struct walk *w, const char *pointer, const json_t *a, const json_t *b)
{
	const char *key;
	json_t *v;
	if (a == b || (a && b && json_equal(a, b))) return;
	if (texts(a) && texts(b)) {
		json_t *gone = without(a, b), *come = without(b, a);
		bool order = !json_array_size(gone) && !json_array_size(come);
		put(w, pointer, order ? or_null(a) : json_incref(gone), order ? or_null(b) : json_incref(come));
		json_decref(gone);
		json_decref(come);
		return;
	}
	if (!json_is_object(a) || !json_is_object(b)) {
		put(w, pointer, or_null(a), or_null(b));
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)a, key, v) {
		if (strcmp(key, "version") == 0 && !*pointer) continue;
		if (strcmp(key, "items") == 0 && !*pointer) continue;
		member(w, pointer, key, a, b);
	}
	json_object_foreach((json_t *)(uintptr_t)b, key, v) {
		if (!json_object_get(a, key)) member(w, pointer, key, a, b);
	}
}

static json_t *named(const json_t *item)
{
	return json_pack("{s:s, s:s}", "code", fields_text(item, "code"), "name", fields_text(item, "name"));
}

json_t *catalog_diff(const json_t *from, const json_t *to)
{
	json_t *added = json_array(), *removed = json_array();
	struct walk w = {.changed = json_array()};
	size_t i;
	const json_t *one;
	compare(&w, "", from, to);
	json_array_foreach(json_object_get(to, "items"), i, one) {
		const json_t *old = catalog_check_find(from, fields_text(one, "code"));
		w.item = one;
		if (old)
			compare(&w, "", old, one);
		else if (json_array_append_new(added, named(one)))
			w.nomem = true;
	}
	json_array_foreach(json_object_get(from, "items"), i, one) {
		if (!catalog_check_find(to, fields_text(one, "code")) && json_array_append_new(removed, named(one)))
			w.nomem = true;
	}
	json_t *out = json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "changed", w.changed);
	if (!w.nomem) return out;
	json_decref(out);
	return NULL;
}

bool catalog_diff_empty(const json_t *diff)
{
	return !json_array_size(json_object_get(diff, "added")) && !json_array_size(json_object_get(diff, "removed")) &&
	       !json_array_size(json_object_get(diff, "changed"));
}

/* A value on one line, cut between characters. */
static void show(const json_t *v, char out[SHOWN_MAX + 4])
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t n = text ? strlen(text) : 0, cut = n;
	if (n > SHOWN_MAX)
		for (cut = SHOWN_MAX; cut && ((unsigned char)text[cut] & 0xC0) == 0x80;)
			cut--;
	(void)snprintf(out, SHOWN_MAX + 4, "%.*s%s", (int)cut, text ? text : "", cut < n ? "..." : "");
	free(text);
}

static void print_names(const json_t *list, const char *sign, FILE *out)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one) {
		(void)fprintf(out, "%s %s %s\n", sign, fields_text(one, "code"), fields_text(one, "name"));
	}
}

void catalog_diff_print(const json_t *diff, FILE *out)
{
	size_t i;
	const json_t *one;
	char old[SHOWN_MAX + 4], new[SHOWN_MAX + 4];
	print_names(json_object_get(diff, "added"), "+", out);
	print_names(json_object_get(diff, "removed"), "-", out);
	json_array_foreach(json_object_get(diff, "changed"), i, one) {
		const char *code = fields_text(one, "code");
		show(json_object_get(one, "old"), old);
		show(json_object_get(one, "new"), new);
		(void)fprintf(out, "~ %s%s%s: %s -> %s\n", code, *code ? " " : "", fields_text(one, "pointer"), old,
		              new);
	}
	if (catalog_diff_empty(diff)) (void)fprintf(out, "no difference\n");
}
