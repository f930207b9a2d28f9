/* See body.h. The rules that the tables of body_tables.c cannot say. Pure; any thread. */
#include "shared/body.h"
#include "shared/body_internal.h"

#include "shared/clock.h"
#include "shared/fields.h"
#include "shared/files.h"
#include "shared/idnum.h"
#include "shared/receipt.h"
#include "shared/registers.h"
#include "shared/retention.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS      86400000LL
#define CHINA_MS    (8 * 3600000LL) /* people come of age by the day in China */
#define ADULT_YEARS 18              /* 民法典 article 17 */

bool body_known(enum case_event type)
{
	return body_table(type) != NULL;
}

bool body_is_act(enum case_event type)
{
	return body_known(type) && !state_event_opens(type) && !state_event_by_program(type) && type != EVENT_RATE &&
	       type != EVENT_REVEAL && !registers_table(type);
}

static void at(char *out, size_t cap, const char *base, const char *name)
{
	(void)snprintf(out, cap, "%s/%s", base, name);
}

/* A document number by its type; `none` needs a reason where REASON names the member that holds it. */
static void check_id(const json_t *who, const char *base, const char *reason_member, int64_t today, struct problem *p)
{
	char ptr[64];
	enum id_type type;
	const char *number = fields_text(who, "id_number");
	if (!id_type_parse(fields_text(who, "id_type"), &type)) return; /* told by the table */
	const char *why = idnum_check(type, number, today);
	at(ptr, sizeof ptr, base, "id_number");
	if (why) problem_field(p, ptr, why, "not a valid number of type %s", id_type_name(type));
	if (type == ID_NONE && reason_member && !*fields_text(who, reason_member)) {
		at(ptr, sizeof ptr, base, reason_member);
		problem_field(p, ptr, "required", "say why there is no document");
	}
}

static void check_phone(const json_t *who, const char *base, const char *reason_member, struct problem *p)
{
	char ptr[64];
	const char *phone = fields_text(who, "phone");
	const char *why = *phone ? idnum_phone(phone) : NULL;
	at(ptr, sizeof ptr, base, "phone");
	if (why) problem_field(p, ptr, why, "not a telephone number");
	if (*phone || !json_object_get(who, "phone") || !reason_member || *fields_text(who, reason_member)) return;
	at(ptr, sizeof ptr, base, reason_member);
	problem_field(p, ptr, "required", "say why there is no telephone");
}

static void check_applicant(const json_t *a, int64_t now, struct problem *p)
{
	enum id_type type;
	int64_t birth, today = (now + CHINA_MS) / DAY_MS;
	const json_t *g = fields_get(a, "guardian");
	bool person = strcmp(fields_text(a, "kind"), "person") == 0;
	check_id(a, "/applicant", "id_reason", today, p);
	check_phone(a, "/applicant", "phone_reason", p);
	if (!id_type_parse(fields_text(a, "id_type"), &type)) return;
	if (person == (type == ID_CREDIT_CODE) && type != ID_NONE)
		problem_field(p, "/applicant/id_type", "value", "does not fit an applicant of that kind");
	if (g) {
		check_id(g, "/applicant/guardian", NULL, today, p);
		check_phone(g, "/applicant/guardian", NULL, p);
	} else if (person && idnum_birth(type, fields_text(a, "id_number"), &birth) && birth <= today &&
	           idnum_age(birth, today) < ADULT_YEARS) {
		problem_field(p, "/applicant/guardian", "required", "a minor has a guardian");
	}
}

static void check_people(const json_t *body, int64_t now, struct problem *p)
{
	const json_t *a = fields_get(body, "applicant"), *ag = fields_get(body, "agent");
	const json_t *parties = json_object_get(fields_get(body, "mediation"), "parties");
	json_t *one;
	size_t i;
	if (json_is_object(a)) check_applicant(a, now, p);
	check_phone(fields_get(body, "service"), "/service", NULL, p);
	json_array_foreach(parties, i, one) {
		char base[40];
		(void)snprintf(base, sizeof base, "/mediation/parties/%zu", i);
		check_phone(one, base, NULL, p);
	}
	if (json_is_object(ag)) {
		check_id(ag, "/agent", NULL, (now + CHINA_MS) / DAY_MS, p);
		check_phone(ag, "/agent", NULL, p);
	}
}

bool body_check_record(enum record r, const json_t *body, struct problem *p)
{
	static const char *const blocks[RECORD_COUNT] = {"applicant", "service", "activity", "mediation"};
	bool ok = true;
	for (int i = 0; i < RECORD_COUNT; i++) {
		bool has = fields_get(body, blocks[i]) != NULL, wanted = i == (int)r;
		char ptr[32];
		(void)snprintf(ptr, sizeof ptr, "/%s", blocks[i]);
		if (has == wanted) continue;
		ok = false;
		if (wanted)
			problem_field(p, ptr, "required", "an item of kind %s needs it", record_name(r));
		else
			problem_field(p, ptr, "not_allowed", "an item of kind %s has none", record_name(r));
	}
	return ok;
}

static void check_record(const json_t *body, int64_t now, struct problem *p)
{
	const char *record = fields_text(body, "record");
	for (int i = 0; i < RECORD_COUNT; i++)
		if (strcmp(record, record_name((enum record)i)) == 0) (void)body_check_record((enum record)i, body, p);
	check_people(body, now, p);
}

static void check_receive(const json_t *body, int64_t now, struct problem *p)
{
	struct receipt r;
	if (!receipt_parse(fields_text(body, "receipt_number"), &r) || r.box == 0) /* 00 is the county's */
		problem_field(p, "/receipt_number", "format", "not a receipt number");
	check_record(body, now, p);
}

static void check_renumber(const json_t *body, struct problem *p)
{
	struct receipt r;
	if (!receipt_parse(fields_text(body, "old"), &r)) problem_field(p, "/old", "format", "not a receipt number");
	if (!receipt_parse(fields_text(body, "new"), &r)) problem_field(p, "/new", "format", "not a receipt number");
}

static void check_amend(const json_t *body, struct problem *p)
{
	if (!body_amendable(fields_text(body, "field")))
		problem_field(p, "/field", "value", "this field cannot be amended");
	else if (strcmp(fields_text(body, "old"), fields_text(body, "new")) == 0)
		problem_field(p, "/new", "value", "is the same as old");
}

/* A refusal gives reasons, basis and remedies (行政许可法 article 38). */
static void check_decide(const json_t *body, struct problem *p)
{
	static const char *const wanted[] = {"reason", "basis", "remedies"};
	if (strcmp(fields_text(body, "result"), "refused") != 0) return;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		char ptr[32];
		(void)snprintf(ptr, sizeof ptr, "/%s", wanted[i]);
		if (!*fields_text(body, wanted[i])) problem_field(p, ptr, "required", "a refusal names it");
	}
}

/* Who was served: nobody where it was put up as a notice; a witness where it was left. */
static void check_deliver(const json_t *body, int64_t now, struct problem *p)
{
	int64_t ms;
	const char *way = fields_text(body, "way");
	if (strcmp(way, "notice") != 0 && !*fields_text(body, "receiver"))
		problem_field(p, "/receiver", "required", "say who received it");
	if (strcmp(way, "left") == 0 && !*fields_text(body, "witness"))
		problem_field(p, "/witness", "required", "a paper that is left has a witness");
	if (clock_parse(fields_text(body, "delivered_at"), &ms) && ms > now + 60000)
		problem_field(p, "/delivered_at", "range", "lies in the future");
}

bool body_amends(const json_t *body, uint8_t id[UUID_LEN])
{
	const json_t *v = json_object_get(body, "amends");
	return json_is_string(v) && uuid_parse(json_string_value(v), id);
}

/* Any body may name the refused event that it mends; the tables do not know of it. */
static bool check_fields(const json_t *body, const struct field *table, struct problem *p)
{
	uint8_t id[UUID_LEN];
	if (!json_object_get(body, "amends")) return fields_check(body, table, "", p);
	if (!body_amends(body, id)) {
		problem_field(p, "/amends", "format", "not a UUID");
		return false;
	}
	json_t *bare = fields_copy(body);
	bool ok = bare && !json_object_del(bare, "amends") && fields_check(bare, table, "", p);
	if (!bare) problem_set(p, PROBLEM_INTERNAL, NULL);
	json_decref(bare);
	return ok;
}

bool body_check(enum case_event type, const json_t *body, int64_t now, struct problem *p)
{
	const struct field *table = body_table(type);
	if (!table) {
		problem_field(p, "", "value", "%s is not written by this release", state_event_name(type));
		return false;
	}
	if (!check_fields(body, table, p)) return false;
	if (type == EVENT_RECEIVE) check_receive(body, now, p);
	if (type == EVENT_SUBMIT || type == EVENT_RESUBMIT) check_record(body, now, p);
	if (type == EVENT_AMEND) check_amend(body, p);
	if (type == EVENT_RENUMBER) check_renumber(body, p);
	if (type == EVENT_DECIDE || type == EVENT_DECIDE_NOW) check_decide(body, p);
	if (type == EVENT_DELIVER) check_deliver(body, now, p);
	files_check(fields_get(body, "materials"), "/materials", p); /* what is lacking has none */
	if (type == EVENT_ERASE) retention_check(body, p);
	registers_check(type, body, now, p);
	return !problem_any(p);
}

/* 补录: a day of receipt in the past needs a reason; the future is refused, a minute of clock difference is not. */
static void check_received_at(const json_t *req, int64_t now, struct problem *p)
{
	int64_t ms, seen, then;
	const json_t *cap = fields_get(req, "captured");
	if (clock_parse(fields_text(req, "received_at"), &ms)) {
		if (ms > now + 60000) problem_field(p, "/received_at", "range", "lies in the future");
		if (ms < now - BODY_BACK_ENTRY_MS)
			problem_field(p, "/received_at", "range", "lies more than a year back");
		if (!*fields_text(req, "received_reason"))
			problem_field(p, "/received_reason", "required", "back-entry needs a reason");
	} else if (*fields_text(req, "received_reason")) {
		problem_field(p, "/received_at", "required", "a reason without a time");
	}
	if (cap && clock_parse(fields_text(cap, "at"), &then) && clock_parse(fields_text(cap, "now"), &seen) &&
	    (then > seen || seen - then > BODY_BACK_ENTRY_MS))
		problem_field(p, "/captured/at", "range", "must lie before captured.now, at most a year");
}

/* Its parts by the rules of their events, told where they stand. */
static void check_on_the_spot(const json_t *spot, int64_t now, struct problem *p)
{
	static const struct {
		const char *name;
		enum case_event type;
	} parts[] = {{"decision", EVENT_DECIDE_NOW}, {"completion", EVENT_COMPLETE}, {"delivery", EVENT_DELIVER}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct problem inner = {0};
		const json_t *part = fields_get(spot, parts[i].name);
		json_t *one;
		size_t k;
		if (!part || body_check(parts[i].type, part, now, &inner)) continue;
		json_array_foreach(inner.errors, k, one) {
			char ptr[160];
			(void)snprintf(ptr, sizeof ptr, "/on_the_spot/%s%s", parts[i].name,
			               fields_text(one, "pointer"));
			problem_field(p, ptr, fields_text(one, "code"), "%s", fields_text(one, "message"));
		}
		problem_release(&inner);
	}
}

/* What is applied for in advance has not been received yet, nor can it be ended. */
static void check_in_advance(const json_t *req, struct problem *p)
{
	static const char *const later[] = {"received_at", "received_reason", "captured", "on_the_spot"};
	if (!json_is_true(json_object_get(req, "in_advance"))) return;
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		char ptr[32];
		(void)snprintf(ptr, sizeof ptr, "/%s", later[i]);
		if (fields_get(req, later[i])) problem_field(p, ptr, "not_allowed", "nothing has been taken in yet");
	}
}

bool body_check_registration(const json_t *req, const struct catalog_item *item, int64_t now, struct problem *p)
{
	if (!fields_check(req, body_registration, "", p)) return false;
	if (item) (void)body_check_record(item->record, req, p);
	check_received_at(req, now, p);
	check_in_advance(req, p);
	files_check(fields_get(req, "materials"), "/materials", p);
	check_people(req, now, p);
	if (fields_get(req, "on_the_spot")) check_on_the_spot(fields_get(req, "on_the_spot"), now, p);
	return !problem_any(p);
}

bool body_check_taking_in(const json_t *body, struct problem *p)
{
	if (!fields_check(body, body_taking_in, "", p)) return false;
	files_check(fields_get(body, "materials"), "/materials", p);
	return !problem_any(p);
}

static bool brought(const json_t *materials, const char *name)
{
	size_t i;
	json_t *m;
	json_array_foreach(materials, i, m) {
		if (strcmp(fields_text(m, "name"), name) == 0) return true;
	}
	return false;
}

bool body_lacks_material(const json_t *materials, const struct catalog_item *item)
{
	size_t i;
	json_t *m;
	json_array_foreach(materials, i, m) {
		if (fields_int(m, "copies", 0) == 0) return true;
	}
	if (!item->published) return false; /* a draft's list is an example and binds nobody */
	const json_t *wanted = json_object_get(json_object_get(item->json, "guide"), "materials");
	json_array_foreach(wanted, i, m) {
		if (json_is_true(json_object_get(m, "required")) && !brought(materials, fields_text(m, "name")))
			return true;
	}
	return false;
}

bool body_amendable(const char *field)
{
	static const char *const fields[] = {"/applicant/name", "/applicant/id_number", "/applicant/phone",
	                                     "/applicant/address", "/note"};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i], field) == 0) return true;
	return false;
}

bool body_check_amended(const char *field, const char *value, const json_t *doc, int64_t now, struct problem *p)
{
	const json_t *a = json_object_get(doc, "applicant");
	const char *name = strrchr(field, '/') + 1;
	if (strcmp(field, "/note") != 0 && !json_is_object(a)) {
		problem_field(p, "/field", "value", "this case has no applicant");
		return false;
	}
	json_t *copy = json_is_object(a) ? fields_deep_copy(a) : json_object();
	json_t *text = json_string(value);
	struct problem inner = {0};
	if (!copy || !text || json_object_set(copy, name, text)) {
		problem_set(p, PROBLEM_BUSY, "out of memory");
	} else if (strcmp(field, "/note") != 0) {
		(void)fields_check(copy, body_applicant, "/applicant", &inner);
		check_applicant(copy, now, &inner);
	}
	if (problem_any(&inner)) problem_field(p, "/new", "format", "not a valid value of %s", field);
	problem_release(&inner);
	json_decref(text);
	json_decref(copy);
	return !problem_any(p);
}
