/* See personjson.h. Called by the gateway's export and the county's `person` command. */
#include "shared/personjson.h"

#include "shared/fields.h"
#include "shared/registers.h"

#include <string.h>

static bool is(const json_t *who, const char *id_type, const char *id_number)
{
	return *id_number && strcmp(fields_text(who, "id_type"), id_type) == 0 &&
	       strcmp(fields_text(who, "id_number"), id_number) == 0;
}

enum person_part personjson_part(const struct caseview *v, const char *id_type, const char *id_number)
{
	const json_t *applicant = fields_get(v->doc, "applicant");
	if (is(applicant, id_type, id_number)) return PERSON_APPLICANT;
	if (is(fields_get(applicant, "guardian"), id_type, id_number)) return PERSON_GUARDIAN;
	return is(fields_get(v->doc, "agent"), id_type, id_number) ? PERSON_AGENT : PERSON_NONE;
}

bool personjson_entry(const struct caseview *v, const char *phone)
{
	enum register_kind k;
	if (!*phone || !registers_of(v, &k)) return false;
	const json_t *block = json_object_get(v->doc, registers_name(k));
	return strcmp(fields_text(block, "phone"), phone) == 0 || strcmp(fields_text(block, "agent_phone"), phone) == 0;
}

json_t *personjson_event(const char *type, int64_t at)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	casejson_text(o, "type", type, &rc);
	casejson_time(o, "at", at, &rc);
	return casejson_finish(o, rc);
}

static const json_t *block_of(const struct caseview *v, enum person_part part)
{
	const json_t *applicant = json_object_get(v->doc, "applicant");
	if (part == PERSON_AGENT) return json_object_get(v->doc, "agent");
	return part == PERSON_GUARDIAN ? json_object_get(applicant, "guardian") : applicant;
}

json_t *personjson_case(const struct caseview *v, const char *item_name, enum person_part part, json_t *history)
{
	static const char *const names[] = {"", "applicant", "guardian", "agent"};
	int rc = ERR_OK;
	const json_t *own = block_of(v, part);
	json_t *o = casejson_base(v, item_name, &rc);
	casejson_text(o, "as", names[part], &rc);
	if (part == PERSON_APPLICANT) casejson_details(o, v, &rc);
	caseview_set(o, names[part], own ? json_incref((json_t *)(uintptr_t)own) : json_null(), &rc);
	caseview_set(o, "history", history, &rc);
	return casejson_finish(o, rc);
}

json_t *personjson_of_entry(const struct caseview *v)
{
	int rc = ERR_OK;
	enum register_kind k = REGISTER_INQUIRY;
	(void)registers_of(v, &k);
	json_t *o = json_object(), *block = json_object_get(v->doc, registers_name(k));
	casejson_id(o, "id", v->id, &rc);
	casejson_text(o, "register", registers_name(k), &rc);
	casejson_text(o, "station", v->station, &rc);
	casejson_text(o, "state", state_name(v->state), &rc);
	casejson_time(o, "opened_at", v->received_at, &rc);
	caseview_set(o, "entry", block ? json_incref(block) : json_null(), &rc);
	return casejson_finish(o, rc);
}
