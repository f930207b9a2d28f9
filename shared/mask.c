/* See mask.h. Called by the presenters of box and county for everybody, and by the box for an amend of what was masked. */
#include "shared/mask.h"

#include "shared/caseview.h"
#include "shared/fields.h"

#include <string.h>

#define WHOLE 18 /* characters of a citizen's number, of a residence permit's, of a permanent residence card's */

/* TEXT with HEAD characters at its start and TAIL at its end, stars between. The numbers are ASCII by their checks; in any
 * other text each byte becomes a star, so that nothing is cut inside of a character. */
static void keep_ends(const char *text, size_t head, size_t tail, char out[MASK_MAX])
{
	size_t n = strlen(text);
	if (n >= MASK_MAX) n = MASK_MAX - 1;
	for (size_t i = 0; i < n; i++) {
		bool shown = (i < head || i >= n - tail) && (unsigned char)text[i] < 0x80;
		out[i] = '*';
		if (shown) out[i] = text[i];
	}
	out[n] = '\0';
}

void mask_number(const char *type, const char *number, char out[MASK_MAX])
{
	size_t n = strlen(number);
	if (strcmp(type, "credit_code") == 0)
		keep_ends(number, n, 0, out);
	else if (n == WHOLE)
		keep_ends(number, 6, 4, out);
	else
		keep_ends(number, 0, n > 8 ? 4 : n / 2 > 2 ? 2 : 0, out);
}

void mask_phone(const char *phone, char out[MASK_MAX])
{
	size_t n = strlen(phone);
	keep_ends(phone, n >= 10 ? 3 : 0, n >= 10 ? 4 : n > 4 ? 2 : 0, out);
}

static void set_phone(json_t *o, const char *name, int *rc)
{
	char masked[MASK_MAX];
	const char *phone = fields_text(o, name);
	if (!*phone) return;
	mask_phone(phone, masked);
	caseview_set(o, name, json_string(masked), rc);
}

static void set_numbers(json_t *o, int *rc)
{
	char masked[MASK_MAX];
	const char *number = fields_text(o, "id_number");
	if (*number) {
		mask_number(fields_text(o, "id_type"), number, masked);
		caseview_set(o, "id_number", json_string(masked), rc);
	}
	set_phone(o, "phone", rc);
	set_phone(o, "agent_phone", rc);
}

static void set_parties(json_t *o, int *rc)
{
	size_t i;
	json_t *one, *list = json_object_get(o, "parties") ? json_array() : NULL;
	if (!json_object_get(o, "parties")) return;
	json_array_foreach(json_object_get(o, "parties"), i, one) {
		json_t *party = fields_copy(one);
		if (party) set_phone(party, "phone", rc);
		if (!party || json_array_append_new(list, party)) *rc = ERR_NOMEM;
	}
	caseview_set(o, "parties", list, rc);
}

json_t *mask_block(const json_t *block)
{
	int rc = ERR_OK;
	if (!json_is_object(block)) return json_null();
	json_t *o = fields_copy(block), *guardian = fields_get(block, "guardian");
	if (!o) return NULL;
	set_numbers(o, &rc);
	set_parties(o, &rc);
	if (guardian) caseview_set(o, "guardian", mask_block(guardian), &rc);
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

json_t *mask_revealed(const json_t *doc, const char *what)
{
	json_t *block = NULL;
	if (strcmp(what, "guardian") == 0)
		block = fields_get(json_object_get(doc, "applicant"), "guardian");
	else if (strcmp(what, "parties") == 0)
		block = fields_get(json_object_get(doc, "mediation"), "parties");
	else if (strcmp(what, "entry") == 0)
		block = fields_get(doc, fields_text(doc, "record"));
	else
		block = fields_get(doc, what);
	return block ? json_incref(block) : json_null();
}

/* Does the field of an amend hold a number that is masked? */
static bool masked_field(const char *field)
{
	return strcmp(field, "/applicant/id_number") == 0 || strcmp(field, "/applicant/phone") == 0;
}

static void mask_value(const char *field, const char *type, const char *value, char out[MASK_MAX])
{
	if (strcmp(field, "/applicant/phone") == 0)
		mask_phone(value, out);
	else
		mask_number(type, value, out);
}

static void set_amended(json_t *o, int *rc)
{
	static const char *const values[] = {"old", "new"};
	char masked[MASK_MAX];
	const char *field = fields_text(o, "field");
	for (size_t i = 0; i < 2 && masked_field(field); i++) {
		mask_value(field, "", fields_text(o, values[i]), masked);
		caseview_set(o, values[i], json_string(masked), rc);
	}
}

json_t *mask_rating(const json_t *correction)
{
	json_t *o = fields_copy(correction);
	if (!o) return NULL;
	(void)json_object_del(o, "grade");
	(void)json_object_del(o, "text");
	return o;
}

json_t *mask_body(const char *type, const json_t *body)
{
	static const char *const blocks[] = {"applicant", "agent",  "service", "mediation",
	                                     "inquiry",   "agency", "stuck"};
	int rc = ERR_OK;
	if (!json_is_object(body) || strcmp(type, "rate") == 0) return json_null(); /* the citizen's own word */
	json_t *o = fields_copy(body);
	if (!o) return NULL;
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if (fields_get(body, blocks[i]))
			caseview_set(o, blocks[i], mask_block(fields_get(body, blocks[i])), &rc);
	if (strcmp(type, "amend") == 0) set_amended(o, &rc);
	if (fields_get(body, "correction"))
		caseview_set(o, "correction", mask_rating(fields_get(body, "correction")), &rc);
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

bool mask_is_of(const json_t *applicant, const char *field, const char *given)
{
	char masked[MASK_MAX];
	if (!masked_field(field) || !*given) return false;
	mask_value(field, fields_text(applicant, "id_type"), fields_text(applicant, strrchr(field, '/') + 1), masked);
	return strcmp(masked, given) == 0;
}
