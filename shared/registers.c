/* See registers.h. Called by body.c and caseview.c at box and county, and by the presenters. */
#include "shared/registers.h"

#include "shared/clock.h"
#include "shared/idnum.h"

#include <stdio.h>
#include <string.h>

#define SAFE_MS 4102444800000LL /* 2100-01-01: no time of ours lies past it */
#define SLOT_MS 86400000LL      /* an out-of-hours slot lasts a day at most */
#define LATE_MS 60000           /* of difference between two clocks */
#define STEPS   "accept|handle|deliver|archive|report|call_back|own|cause|correct"

#define REQ     FIELD_REQUIRED
#define OPT     FIELD_NULLABLE
#define END                                                                                                            \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* --- names --- */

static const struct {
	const char *name, *zh, *item;
} kinds[REGISTER_KINDS] = {
    [REGISTER_INQUIRY] = {"inquiry", "首问登记", REGISTERS_ITEM "inquiry"},
    [REGISTER_AGENCY] = {"agency", "代办登记", REGISTERS_ITEM "agency"},
    [REGISTER_HOURS] = {"hours", "延时错时服务登记", REGISTERS_ITEM "hours"},
    [REGISTER_STUCK] = {"stuck", "办不成事登记", REGISTERS_ITEM "stuck"},
    [REGISTER_CORRECTION] = {"correction", "差评整改登记", REGISTERS_ITEM "correction"},
};

const char *registers_name(enum register_kind k)
{
	return kinds[k].name;
}

const char *registers_zh(enum register_kind k)
{
	return kinds[k].zh;
}

const char *registers_item(enum register_kind k)
{
	return kinds[k].item;
}

bool registers_parse(const char *name, enum register_kind *out)
{
	for (int k = 0; k < REGISTER_KINDS; k++) {
		if (strcmp(kinds[k].name, name) != 0) continue;
		*out = (enum register_kind)k;
		return true;
	}
	return false;
}

bool registers_is_item(const char *item)
{
	return strncmp(item, REGISTERS_ITEM, sizeof REGISTERS_ITEM - 1) == 0;
}

bool registers_of(const struct caseview *v, enum register_kind *out)
{
	return registers_is_item(v->item) && registers_parse(v->item + sizeof REGISTERS_ITEM - 1, out);
}

/* --- bodies --- */

static const struct field inquiry[] = {
    {"channel", FIELD_ENUM, REQ, 0, 0, "visit|phone|online", 0}, /* 来人/来电/网上 */
    {"matter", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"item", FIELD_LINE, OPT, 1, 40, 0, 0},
    {"name", FIELD_LINE, OPT, 0, 50, 0, 0},
    {"phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    {"first_asked", FIELD_LINE, REQ, 1, 50, 0, 0}, /* 首问责任人 */
    END,
};

static const struct field agency[] = {
    {"case", FIELD_UUID, OPT, 0, 0, 0, 0},
    {"principal", FIELD_NAME, REQ, 1, 50, 0, 0}, /* 委托人 */
    {"phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    {"agent", FIELD_NAME, REQ, 1, 50, 0, 0}, /* 代办员 */
    {"agent_phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    {"matter", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"scope", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"until", FIELD_TIME, OPT, 0, 0, 0, 0},
    {"fee", FIELD_INT, OPT, 0, 0, 0, 0}, /* 无偿代办: there is none */
    END,
};

static const struct field hours[] = {
    {"kind", FIELD_ENUM, REQ, 0, 0, "early|noon|late|weekend|holiday", 0},
    {"start", FIELD_TIME, REQ, 0, 0, 0, 0},
    {"end", FIELD_TIME, REQ, 0, 0, 0, 0},
    {"staff", FIELD_LINE, REQ, 1, 50, 0, 0},
    {"matter", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"name", FIELD_LINE, OPT, 0, 50, 0, 0},
    END,
};

static const struct field stuck[] = {
    {"case", FIELD_UUID, OPT, 0, 0, 0, 0},
    {"class", FIELD_ENUM, REQ, 0, 0, "office|material|time|attitude|policy|system|other", 0},
    {"matter", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"name", FIELD_LINE, OPT, 0, 50, 0, 0},
    {"phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    END,
};

static const struct field correction[] = {
    {"case", FIELD_UUID, REQ, 0, 0, 0, 0},
    {"rating", FIELD_UUID, REQ, 0, 0, 0, 0}, /* the event that rated */
    {"grade", FIELD_INT, REQ, REGISTERS_GRADE_BAD, 5, 0, 0},
    {"text", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    END,
};

static const struct field opening[] = {
    {"register", FIELD_ENUM, REQ, 0, 0, "inquiry|agency|hours|stuck|correction", 0},
    {"opened_at", FIELD_INT, REQ, 0, SAFE_MS, 0, 0},
    {"station", FIELD_LINE, OPT, 12, 12, 0, 0}, /* that is to put it right, where the county opens a correction */
    {"inquiry", FIELD_OBJECT, OPT, 0, 0, 0, inquiry},
    {"agency", FIELD_OBJECT, OPT, 0, 0, 0, agency},
    {"hours", FIELD_OBJECT, OPT, 0, 0, 0, hours},
    {"stuck", FIELD_OBJECT, OPT, 0, 0, 0, stuck},
    {"correction", FIELD_OBJECT, OPT, 0, 0, 0, correction},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    END,
};

static const struct field answer[] = {
    {"text", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"by", FIELD_LINE, OPT, 0, 50, 0, 0},
    END,
};

static const struct field pass[] = {
    {"to", FIELD_LINE, OPT, 1, 50, 0, 0},     /* the office that holds the entry from now on */
    {"person", FIELD_LINE, OPT, 1, 50, 0, 0}, /* who takes it there, or here */
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    END,
};

static const struct field step[] = {
    {"step", FIELD_ENUM, REQ, 0, 0, STEPS, 0},
    {"person", FIELD_LINE, OPT, 0, 50, 0, 0},
    {"done_at", FIELD_TIME, OPT, 0, 0, 0, 0},
    {"text", FIELD_TEXT, OPT, 0, 2000, 0, 0},
    END,
};

static const struct field reopening[] = {{"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0}, END};

static const struct field closing[] = {
    {"result", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"satisfied", FIELD_BOOL, OPT, 0, 0, 0, 0},
    END,
};

const struct field *registers_table(enum case_event type)
{
	switch (type) {
	case EVENT_ENTRY_OPEN: return opening;
	case EVENT_ENTRY_ANSWER: return answer;
	case EVENT_ENTRY_PASS: return pass;
	case EVENT_ENTRY_STEP: return step;
	case EVENT_ENTRY_REOPEN: return reopening;
	case EVENT_ENTRY_CLOSE: return closing;
	default: return NULL;
	}
}

static void check_phone(const json_t *block, const char *base, const char *member, struct problem *p)
{
	char ptr[48];
	const char *phone = fields_text(block, member), *why = *phone ? idnum_phone(phone) : NULL;
	(void)snprintf(ptr, sizeof ptr, "/%s/%s", base, member);
	if (why) problem_field(p, ptr, why, "not a telephone number");
}

/* A slot that was: it ends after it begins, within a day, and not in the future. */
static void check_slot(const json_t *block, int64_t now, struct problem *p)
{
	int64_t start, end;
	if (!clock_parse(fields_text(block, "start"), &start) || !clock_parse(fields_text(block, "end"), &end)) return;
	if (end <= start || end - start > SLOT_MS)
		problem_field(p, "/hours/end", "range", "must come after the start, within a day");
	else if (end > now + LATE_MS)
		problem_field(p, "/hours/end", "range", "lies in the future");
}

static void check_opening(const json_t *body, int64_t now, struct problem *p)
{
	const char *want = fields_text(body, "register");
	for (int k = 0; k < REGISTER_KINDS; k++) {
		char ptr[32];
		bool has = fields_get(body, kinds[k].name) != NULL, wanted = strcmp(kinds[k].name, want) == 0;
		(void)snprintf(ptr, sizeof ptr, "/%s", kinds[k].name);
		if (wanted && !has) problem_field(p, ptr, "required", "an entry of this register needs it");
		if (has && !wanted) problem_field(p, ptr, "not_allowed", "an entry of this register has none");
	}
	if (fields_int(body, "opened_at", 0) > now + LATE_MS)
		problem_field(p, "/opened_at", "range", "lies in the future");
	if (fields_get(body, "station") && strcmp(want, kinds[REGISTER_CORRECTION].name) != 0)
		problem_field(p, "/station", "not_allowed", "an entry of this register has none");
	check_phone(fields_get(body, "inquiry"), "inquiry", "phone", p);
	check_phone(fields_get(body, "agency"), "agency", "phone", p);
	check_phone(fields_get(body, "agency"), "agency", "agent_phone", p);
	check_phone(fields_get(body, "stuck"), "stuck", "phone", p);
	check_slot(fields_get(body, "hours"), now, p);
}

void registers_check(enum case_event type, const json_t *body, int64_t now, struct problem *p)
{
	int64_t ms;
	if (type == EVENT_ENTRY_OPEN) check_opening(body, now, p);
	if (type == EVENT_ENTRY_PASS && !*fields_text(body, "to") && !*fields_text(body, "person"))
		problem_field(p, "/to", "required", "say which office or which person takes it");
	if (type == EVENT_ENTRY_STEP && clock_parse(fields_text(body, "done_at"), &ms) && ms > now + LATE_MS)
		problem_field(p, "/done_at", "range", "lies in the future");
}

/* --- the rules of each register --- */

/* The steps of a register in their order: the seven of 代办 begin with the mandate, which is the opening itself. */
static const char *const agency_steps[] = {"accept", "handle", "deliver", "archive", "report", "call_back", NULL};
static const char *const correction_steps[] = {"own", "cause", "correct", "call_back", NULL};

static const char *const *steps_of(enum register_kind k)
{
	static const char *const none[] = {NULL};
	return k == REGISTER_AGENCY ? agency_steps : k == REGISTER_CORRECTION ? correction_steps : none;
}

static const json_t *find_step(const struct caseview *v, const char *name)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(v->doc, "steps"), i, one) {
		if (strcmp(fields_text(one, "step"), name) == 0) return one;
	}
	return NULL;
}

/* Each once; but a task may get another owner. */
static enum caseview_fit may_step(const struct caseview *v, enum register_kind k, const char *name)
{
	const char *const *list = steps_of(k);
	for (size_t i = 0; list[i]; i++) {
		if (strcmp(list[i], name) != 0) continue;
		return strcmp(name, "own") != 0 && find_step(v, name) ? FIT_SECOND : FIT_OK;
	}
	return FIT_BODY;
}

static enum caseview_fit may_close(const struct caseview *v, enum register_kind k)
{
	switch (k) {
	case REGISTER_HOURS: return FIT_OK;
	case REGISTER_AGENCY: return find_step(v, "call_back") ? FIT_OK : FIT_STEP;
	case REGISTER_CORRECTION:
		return find_step(v, "cause") && find_step(v, "correct") && find_step(v, "call_back") ? FIT_OK
		                                                                                     : FIT_STEP;
	default: return v->state == STATE_ANSWERED ? FIT_OK : FIT_STEP;
	}
}

enum caseview_fit registers_may(const struct caseview *v, enum case_event type, const json_t *body)
{
	enum register_kind k;
	if (!registers_of(v, &k)) return registers_table(type) && v->exists ? FIT_TRANSITION : FIT_OK;
	bool asks = k == REGISTER_INQUIRY || k == REGISTER_STUCK;
	switch (type) {
	case EVENT_ENTRY_OPEN:
	case EVENT_ERASE:
	case EVENT_NOTE:
	case EVENT_REVEAL: return FIT_OK;
	case EVENT_ENTRY_ANSWER:
	case EVENT_ENTRY_REOPEN: return asks ? FIT_OK : FIT_BODY;
	case EVENT_ENTRY_PASS: return k == REGISTER_HOURS ? FIT_BODY : FIT_OK;
	case EVENT_ENTRY_STEP: return may_step(v, k, fields_text(body, "step"));
	case EVENT_ENTRY_CLOSE: return may_close(v, k);
	default: return FIT_TRANSITION;
	}
}

bool registers_is_act(enum case_event type)
{
	return type == EVENT_NOTE || (registers_table(type) && type != EVENT_ENTRY_OPEN);
}

bool registers_action(const struct caseview *v, enum case_event type)
{
	enum register_kind k;
	if (!registers_of(v, &k) || !registers_is_act(type) || !state_row_find(v->state, type)) return false;
	return type == EVENT_ENTRY_STEP ? steps_of(k)[0] != NULL : registers_may(v, type, NULL) == FIT_OK;
}

static enum caseview_fit do_open(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	enum register_kind k;
	json_t *doc = json_object();
	if (!doc) {
		*rc = ERR_NOMEM;
		return FIT_OK;
	}
	if (!registers_parse(fields_text(ev->body, "register"), &k)) {
		json_decref(doc);
		return FIT_BODY;
	}
	json_t *block = fields_get(ev->body, kinds[k].name), *note = fields_get(ev->body, "note");
	const char *to = fields_text(ev->body, "station");
	caseview_set(doc, "record", json_string(kinds[k].name), rc);
	if (block) caseview_set(doc, kinds[k].name, json_incref(block), rc);
	if (note) caseview_set(doc, "note", json_incref(note), rc);
	v->doc = doc;
	v->exists = true;
	v->received_at = fields_int(ev->body, "opened_at", ev->at);
	(void)snprintf(v->station, sizeof v->station, "%s", ev->origin);
	(void)snprintf(v->holder, sizeof v->holder, "%s", *to ? to : ev->origin);
	(void)snprintf(v->item, sizeof v->item, "%s", kinds[k].item);
	return FIT_OK;
}

/* Adds to the list NAME of the document: who, when, and the body's members. */
static void add(struct caseview *v, const char *name, const struct caseview_event *ev, int *rc)
{
	json_t *list = json_object_get(v->doc, name), *one = fields_deep_copy(ev->body);
	if (!list) {
		list = json_array();
		caseview_set(v->doc, name, list, rc);
	}
	if (!one) *rc = ERR_NOMEM;
	if (*rc || json_array_size(list) >= CASEVIEW_NOTES_MAX) {
		json_decref(one);
		return;
	}
	(void)json_object_del(one, "amends");
	caseview_set(one, "at", json_integer(ev->at), rc);
	caseview_set(one, "actor", json_string(ev->actor), rc);
	if (json_array_append_new(list, one)) *rc = ERR_NOMEM;
}

enum caseview_fit registers_effect(struct caseview *v, enum case_event type, const struct caseview_event *ev, int *rc)
{
	const char *to = fields_text(ev->body, "to");
	switch (type) {
	case EVENT_ENTRY_OPEN: return do_open(v, ev, rc);
	case EVENT_ENTRY_ANSWER: add(v, "answers", ev, rc); return FIT_OK;
	case EVENT_ENTRY_PASS:
		add(v, "passed", ev, rc);
		if (*to) (void)snprintf(v->holder, sizeof v->holder, "%s", to); /* fits: 50 characters */
		return FIT_OK;
	case EVENT_ENTRY_STEP: add(v, "steps", ev, rc); return FIT_OK;
	case EVENT_ENTRY_REOPEN: add(v, "reopened", ev, rc); return FIT_OK;
	case EVENT_ENTRY_CLOSE: add(v, "closed", ev, rc); return FIT_OK;
	default: return FIT_OK;
	}
}

const char *registers_title(const struct caseview *v)
{
	enum register_kind k;
	if (!registers_of(v, &k)) return "";
	return fields_text(json_object_get(v->doc, kinds[k].name),
	                   "matter"); /* a correction has none: its words are a citizen's */
}

/* --- what is due --- */

static struct register_due due_by(const struct caseview *v, const char *what, const char *met_by, int64_t days,
                                  const struct workdays *w, int64_t now)
{
	const json_t *done = find_step(v, met_by);
	int64_t day = workdays_add(w, workdays_day(v->received_at), (int)days);
	int64_t end = done ? fields_int(done, "at", 0) : now;
	return (struct register_due){
	    .what = what, .due = workdays_end(day), .met = done != NULL, .overdue = workdays_day(end) > day};
}

int registers_days_check(const struct register_days *d, struct err *e)
{
	const struct {
		const char *name;
		int64_t days;
	} all[] = {{"registers.pass_up_days", d->pass_up},
	           {"registers.call_back_days", d->call_back},
	           {"registers.put_right_days", d->put_right}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].days < 1 || all[i].days > REGISTERS_DAYS_MAX)
			return err_set(e, ERR_INVALID, "%s: 1 to %d working days are wanted", all[i].name,
			               REGISTERS_DAYS_MAX);
	if (d->put_right < d->call_back)
		return err_set(e, ERR_INVALID,
		               "registers.put_right_days: a bad rating is put right after the call-back, not before");
	return ERR_OK;
}

int registers_dues(const struct caseview *v, const struct register_days *d, const struct workdays *w, int64_t now,
                   struct register_due out[REGISTERS_DUES])
{
	enum register_kind k;
	int n = 0;
	if (!w || !registers_of(v, &k) || v->state == STATE_ERASED) return 0;
	if (k == REGISTER_AGENCY) out[n++] = due_by(v, "pass_up", "report", d->pass_up, w, now);
	if (k == REGISTER_CORRECTION) {
		out[n++] = due_by(v, "call_back", "call_back", d->call_back, w, now);
		out[n++] = due_by(v, "put_right", "correct", d->put_right, w, now);
	}
	return n;
}
