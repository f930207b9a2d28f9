/* What a person may have of what is kept about them (查阅、复制权, 个人信息保护法 article 45): the case whole where they are the
 * applicant, their own part of it alone where they acted for another. Pure; any thread. */
#ifndef XINKE_PERSONJSON_H
#define XINKE_PERSONJSON_H

#include "shared/casejson.h"

enum person_part { PERSON_NONE, PERSON_APPLICANT, PERSON_GUARDIAN, PERSON_AGENT };

/* As what the person with this document is in V. */
enum person_part personjson_part(const struct caseview *v, const char *id_type, const char *id_number);
/* Is an entry of a register about whoever has this telephone? */
bool personjson_entry(const struct caseview *v, const char *phone);
/* The case for who has PART in it; HISTORY (taken) are its events as {type, at}. Numbers of others are masked. New, NULL
 * without memory. */
json_t *personjson_case(const struct caseview *v, const char *item_name, enum person_part part, json_t *history);
/* An entry that is theirs. New, NULL without memory. */
json_t *personjson_of_entry(const struct caseview *v);
/* One of a history. New, NULL without memory. */
json_t *personjson_event(const char *type, int64_t at);

#endif
