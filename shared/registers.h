/* The registers of a station (制度登记簿): first-asked responsibility (首问负责), agency service (代办帮办), out-of-hours service
 * (延时错时), "cannot get it done" (办不成事), and putting right after a bad rating (差评整改).
 *
 * An entry is a record like a case: events of its own on the ledger, folded by caseview, carried to the county, judged
 * there. Its states and events stand in schema/states/registers.csv and register-transitions.csv; what each register asks
 * for beyond that table stands here. Sources: the county's plan, section on duties; the rating rules of 国办发〔2019〕51号.
 * Pure; any thread. */
#ifndef XINKE_REGISTERS_H
#define XINKE_REGISTERS_H

#include "shared/caseview.h"
#include "shared/fields.h"
#include "shared/workdays.h"

enum register_kind {
	REGISTER_INQUIRY,    /* 首问/咨询 */
	REGISTER_AGENCY,     /* 代办 */
	REGISTER_HOURS,      /* 延时错时 */
	REGISTER_STUCK,      /* 办不成事 */
	REGISTER_CORRECTION, /* 差评整改; opened by the program that takes a bad rating */
	REGISTER_KINDS
};

#define REGISTERS_GRADE_BAD 4 /* 满意度 4 不满意 and 5 非常不满意 */

/* "inquiry", ... and its Chinese name. */
const char *registers_name(enum register_kind k);
const char *registers_zh(enum register_kind k);
bool registers_parse(const char *name, enum register_kind *out);
/* What stands in the place of an item's code: "register:inquiry". No catalog has such a code. */
#define REGISTERS_ITEM "register:"
const char *registers_item(enum register_kind k);
/* Is ITEM one of those? */
bool registers_is_item(const char *item);
/* The register of an entry; false where V is a case. */
bool registers_of(const struct caseview *v, enum register_kind *out);

/* The table of an entry event's body, NULL for other events; for shared/body.c. */
const struct field *registers_table(enum case_event type);
/* What the tables cannot say. */
void registers_check(enum case_event type, const json_t *body, int64_t now, struct problem *p);

/* May TYPE with BODY come to the entry V, whose state allows it? FIT_STEP: something must come before, FIT_SECOND: it was
 * done, FIT_BODY: not in this register, FIT_TRANSITION: not of an entry. */
enum caseview_fit registers_may(const struct caseview *v, enum case_event type, const json_t *body);
/* May somebody ask for TYPE on an entry by its name, and, in V as it stands, now? */
bool registers_is_act(enum case_event type);
bool registers_action(const struct caseview *v, enum case_event type);
/* What the event makes of V. *RC becomes ERR_NOMEM. */
enum caseview_fit registers_effect(struct caseview *v, enum case_event type, const struct caseview_event *ev, int *rc);

/* What an entry is about, in the words of whoever opened it; "" where V is a case. Borrowed from V. */
const char *registers_title(const struct caseview *v);

/* A day by which something is due. */
struct register_due {
	const char *what; /* "pass_up", "call_back", "put_right" */
	int64_t due;      /* last ms of the day */
	bool met, overdue;
};
#define REGISTERS_DUES 2
/* Working days, 1 to REGISTERS_DAYS_MAX each: settings of box and county (domain rules, "好差评" and "Registers"). */
struct register_days {
	int64_t pass_up;   /* 代办件 to the office that handles it */
	int64_t call_back; /* after a bad rating */
	int64_t put_right; /* likewise, no fewer than those */
};
#define REGISTERS_DAYS_MAX 60
/* Are they such? ERR_INVALID says by the names of the settings what is wrong. */
int registers_days_check(const struct register_days *d, struct err *e);
/* What is due of V at NOW; their number. */
int registers_dues(const struct caseview *v, const struct register_days *d, const struct workdays *w, int64_t now,
                   struct register_due out[REGISTERS_DUES]);

#endif
