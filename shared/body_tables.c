/* See body_internal.h. One table an event type; what tables cannot say is checked in body.c. Read-only. */
#include "shared/body_internal.h"

#include "shared/files.h"
#include "shared/receipt.h"
#include "shared/registers.h"
#include "shared/retention.h"

#define SAFE_MS  4102444800000LL /* 2100-01-01: no time of ours lies past it */
#define ID_TYPES "citizen_id|hmt_residence|foreign_residence|passport|credit_code|none"

#define REQ      FIELD_REQUIRED
#define OPT      FIELD_NULLABLE
#define END                                                                                                            \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* Who acts for the applicant: a minor's guardian (监护人), an agent (代办人). */
static const struct field representative[] = {
    {"name", FIELD_NAME, REQ, 1, 50, 0, 0},      {"id_type", FIELD_ENUM, REQ, 0, 0, ID_TYPES, 0},
    {"id_number", FIELD_LINE, REQ, 0, 32, 0, 0}, {"phone", FIELD_LINE, REQ, 0, 20, 0, 0},
    {"relation", FIELD_LINE, REQ, 1, 20, 0, 0},  END,
};

const struct field body_applicant[] = {
    {"kind", FIELD_ENUM, REQ, 0, 0, "person|organisation", 0},
    {"name", FIELD_NAME, REQ, 1, 50, 0, 0},
    {"id_type", FIELD_ENUM, REQ, 0, 0, ID_TYPES, 0},
    {"id_number", FIELD_LINE, REQ, 0, 32, 0, 0},
    {"id_reason", FIELD_LINE, OPT, 1, 100, 0, 0},
    {"phone", FIELD_LINE, REQ, 0, 20, 0, 0},
    {"phone_reason", FIELD_LINE, OPT, 1, 100, 0, 0},
    {"address", FIELD_LINE, REQ, 0, 200, 0, 0},
    {"guardian", FIELD_OBJECT, OPT, 0, 0, 0, representative},
    END,
};

static const struct field material[] = {
    {"name", FIELD_LINE, REQ, 1, 100, 0, 0},
    {"form", FIELD_ENUM, REQ, 0, 0, "original|copy|original_and_copy|electronic", 0},
    {"copies", FIELD_INT, REQ, 0, 99, 0, 0},
    {"trust", FIELD_ENUM, OPT, 0, 0, "A|B|C|D", 0}, /* 国办函〔2016〕108号: issued, checked, uploaded, promised */
    {"files", FIELD_ARRAY, OPT, 0, FILES_OF_MATERIAL, 0, files_table},
    END,
};

static const struct field service[] = {
    {"topic", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"person", FIELD_LINE, OPT, 0, 50, 0, 0},
    {"phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    {"advice", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    END,
};

static const struct field activity[] = {
    {"topic", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"place", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"headcount", FIELD_INT, REQ, 0, 100000, 0, 0},
    {"summary", FIELD_TEXT, OPT, 0, 2000, 0, 0},
    END,
};

static const struct field party[] = {
    {"name", FIELD_NAME, REQ, 1, 50, 0, 0},
    {"phone", FIELD_LINE, OPT, 0, 20, 0, 0},
    END,
};

static const struct field mediation[] = {
    {"parties", FIELD_ARRAY, REQ, 2, 20, 0, party},
    {"matter", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    {"outcome", FIELD_TEXT, REQ, 1, 2000, 0, 0},
    END,
};

static const struct field captured[] = {
    {"at", FIELD_TIME, REQ, 0, 0, 0, 0},
    {"now", FIELD_TIME, REQ, 0, 0, 0, 0},
    END,
};

/* 超期原因: asked for by whoever appends what ends a term that has passed (shared/terms.h). */
#define LATE                                                                                                           \
	{                                                                                                              \
		"overtime_reason", FIELD_TEXT, OPT, 1, 500, 0, 0                                                       \
	}

/* What a registration and the receive event made from it have in common. */
#define RECORD_FIELDS                                                                                                  \
	{"item", FIELD_LINE, REQ, 1, 40, 0, 0}, {"applicant", FIELD_OBJECT, OPT, 0, 0, 0, body_applicant},             \
	    {"service", FIELD_OBJECT, OPT, 0, 0, 0, service}, {"activity", FIELD_OBJECT, OPT, 0, 0, 0, activity},      \
	    {"mediation", FIELD_OBJECT, OPT, 0, 0, 0, mediation},                                                      \
	    {"agent", FIELD_OBJECT, OPT, 0, 0, 0, representative},                                                     \
	    {"materials", FIELD_ARRAY, OPT, 0, 40, 0, material},                                                       \
	    {"channel", FIELD_ENUM, REQ, 0, 0, "window|visit|kiosk", 0}, {"note", FIELD_TEXT, OPT, 0, 2000, 0, 0},     \
	    {"received_reason", FIELD_LINE, OPT, 1, 200, 0, 0},                                                        \
	{                                                                                                              \
		"captured", FIELD_OBJECT, OPT, 0, 0, 0, captured                                                       \
	}

static const struct field receive[] = {
    RECORD_FIELDS,
    {"catalog", FIELD_LINE, REQ, 1, 64, 0, 0},
    {"catalog_version", FIELD_INT, REQ, 1, 1000000, 0, 0},
    {"receipt_number", FIELD_LINE, REQ, 1, RECEIPT_MAX - 1, 0, 0},
    {"received_at", FIELD_INT, REQ, 0, SAFE_MS, 0, 0},
    {"record", FIELD_ENUM, REQ, 0, 0, "application|service|activity|mediation", 0},
    {"token", FIELD_LINE, REQ, 16, 16, 0, 0},
    END,
};

/* 网上申请: as a registration, before anybody has taken it in. */
static const struct field submit[] = {
    RECORD_FIELDS,
    {"catalog", FIELD_LINE, REQ, 1, 64, 0, 0},
    {"catalog_version", FIELD_INT, REQ, 1, 1000000, 0, 0},
    {"record", FIELD_ENUM, REQ, 0, 0, "application|service|activity|mediation", 0},
    {"token", FIELD_LINE, REQ, 16, 16, 0, 0},
    END,
};

/* With the hand-over list (移交清单) and who carries the papers; without a list all that the case holds is passed on. */
static const struct field forward[] = {
    {"to", FIELD_LINE, REQ, 1, 50, 0, 0},
    {"materials", FIELD_ARRAY, OPT, 0, 40, 0, material},
    {"carrier", FIELD_NAME, OPT, 1, 50, 0, 0},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    END,
};

static const struct field reason[] = {{"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0}, END};
static const struct field note[] = {{"text", FIELD_TEXT, REQ, 1, 2000, 0, 0}, END};

static const struct field amend[] = {
    {"field", FIELD_LINE, REQ, 1, 60, 0, 0},
    {"old", FIELD_TEXT, REQ, 0, 2000, 0, 0},
    {"new", FIELD_TEXT, REQ, 0, 2000, 0, 0},
    {"reason", FIELD_LINE, REQ, 1, 200, 0, 0},
    END,
};

static const struct field lacking[] = {
    {"name", FIELD_LINE, REQ, 1, 100, 0, 0},
    {"standard", FIELD_TEXT, REQ, 1, 300, 0, 0},
    {"where", FIELD_LINE, OPT, 0, 100, 0, 0},
    END,
};

/* 补正材料一次性告知书: everything at once, 行政许可法 article 32. */
static const struct field supplement_notice[] = {
    {"basis", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"materials", FIELD_ARRAY, REQ, 1, 30, 0, lacking},
    {"bring_by", FIELD_TIME, OPT, 0, 0, 0, 0},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    {"superior_reason", FIELD_TEXT, OPT, 1, 500, 0, 0}, /* why there is a second one */
    LATE,
    END,
};

/* 预审退回: what is wrong with an application that was made in advance. */
static const struct field pre_return[] = {
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"materials", FIELD_ARRAY, OPT, 0, 30, 0, lacking},
    END,
};

static const struct field supplement_complete[] = {
    {"materials", FIELD_ARRAY, REQ, 1, 40, 0, material},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    END,
};

/* 不受理: the matter needs no permit, 行政许可法 article 32 (1). */
static const struct field not_required[] = {
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"basis", FIELD_LINE, REQ, 1, 200, 0, 0},
    LATE,
    END,
};

static const struct field only_note[] = {{"note", FIELD_TEXT, OPT, 0, 1000, 0, 0}, END};
static const struct field accept[] = {{"note", FIELD_TEXT, OPT, 0, 1000, 0, 0}, LATE, END};
static const struct field sent_home[] = {{"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0}, LATE, END};

/* What is not counted (行政许可法 article 45); the applicant is told in writing. */
static const struct field suspend[] = {
    {"kind", FIELD_ENUM, REQ, 0, 0, "hearing|tender|auction|inspection|test|quarantine|appraisal|expert_review", 0},
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"days", FIELD_INT, OPT, 1, 366, 0, 0}, /* that it will take, as the applicant was told */
    {"told_at", FIELD_TIME, REQ, 0, 0, 0, 0},
    END,
};

/* Ten working days at most, once, with the head's approval (article 42). */
static const struct field extend[] = {
    {"days", FIELD_INT, REQ, 1, 10, 0, 0},
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"approver", FIELD_NAME, REQ, 1, 50, 0, 0},
    END,
};

static const struct field decide[] = {
    {"result", FIELD_ENUM, REQ, 0, 0, "granted|refused", 0},
    {"reason", FIELD_TEXT, OPT, 1, 1000, 0, 0},
    {"basis", FIELD_LINE, OPT, 1, 200, 0, 0},
    {"remedies", FIELD_TEXT, OPT, 1, 1000, 0, 0},
    {"document_number", FIELD_LINE, OPT, 1, 100, 0, 0},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    LATE,
    END,
};

/* Result codes (办件结果) of schema/states; a document is to be fetched or not. */
static const struct field complete[] = {
    {"result_code", FIELD_INT, REQ, 0, 6, 0, 0},        {"document", FIELD_LINE, OPT, 1, 100, 0, 0},
    {"document_number", FIELD_LINE, OPT, 1, 100, 0, 0}, {"fetch", FIELD_LINE, OPT, 1, 200, 0, 0}, /* where and how */
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},           END,
};

/* 送达回证. */
static const struct field deliver[] = {
    {"document", FIELD_LINE, REQ, 1, 100, 0, 0},
    {"way", FIELD_ENUM, REQ, 0, 0, "direct|left|mail|notice|electronic", 0},
    {"place", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"receiver", FIELD_LINE, OPT, 1, 50, 0, 0}, /* by notice there is none */
    {"relation", FIELD_LINE, OPT, 1, 20, 0, 0},
    {"witness", FIELD_LINE, OPT, 1, 50, 0, 0},
    {"delivered_at", FIELD_TIME, REQ, 0, 0, 0, 0},
    {"note", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    LATE,
    END,
};

/* 视为受理: nobody said in time what is missing (行政许可法 article 32); the last day that there was for it. */
static const struct field deem_accept[] = {{"due", FIELD_TIME, REQ, 0, 0, 0, 0}, END};

/* 即办件: what a registration brings along that is decided and ended in the same call. */
static const struct field on_the_spot[] = {
    {"decision", FIELD_OBJECT, REQ, 0, 0, 0, decide},
    {"completion", FIELD_OBJECT, REQ, 0, 0, 0, complete},
    {"delivery", FIELD_OBJECT, OPT, 0, 0, 0, deliver},
    END,
};

const struct field body_registration[] = {
    RECORD_FIELDS,
    {"received_at", FIELD_TIME, OPT, 0, 0, 0, 0},
    {"on_the_spot", FIELD_OBJECT, OPT, 0, 0, 0, on_the_spot},
    {"in_advance", FIELD_BOOL, OPT, 0, 0, 0, 0}, /* 网上申请 */
    END,
};

const struct field body_taking_in[] = {
    {"materials", FIELD_ARRAY, OPT, 0, 40, 0, material},
    {"note", FIELD_TEXT, OPT, 0, 2000, 0, 0},
    END,
};

/* 撤销/作废: with who authorised it. */
static const struct field terminate[] = {
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"authoriser", FIELD_NAME, REQ, 1, 50, 0, 0},
    LATE,
    END,
};

/* 好差评: five grades, no default (1 非常满意 to 5 非常不满意); said on the citizen's own phone or a turned screen. */
static const struct field rate[] = {
    {"grade", FIELD_INT, REQ, 1, 5, 0, 0},
    {"way", FIELD_ENUM, REQ, 0, 0, "phone|screen", 0},
    {"text", FIELD_TEXT, OPT, 0, 1000, 0, 0},
    {"again", FIELD_BOOL, OPT, 0, 0, 0, 0}, /* 追评, after what was bad was put right */
    END,
};

/* Whose full numbers were shown, and why (个人信息保护法 article 6: a purpose). */
static const struct field reveal[] = {
    {"what", FIELD_ENUM, REQ, 0, 0, "applicant|agent|guardian|service|parties|entry", 0},
    {"reason", FIELD_LINE, REQ, 2, 200, 0, 0},
    END,
};

static const struct field nothing[] = {END};

/* 不予受理通知书: reasons, basis, competent organ, remedies (复议 60 days, 诉讼). */
static const struct field refuse[] = {
    {"reason", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    {"basis", FIELD_LINE, REQ, 1, 200, 0, 0},
    {"competent_organ", FIELD_LINE, OPT, 0, 100, 0, 0},
    {"remedies", FIELD_TEXT, REQ, 1, 1000, 0, 0},
    LATE,
    END,
};

/* The county's own: a receipt number that was given twice (see sync/PROTOCOL.md, section 8). */
static const struct field renumber[] = {
    {"old", FIELD_LINE, REQ, 1, RECEIPT_MAX - 1, 0, 0},
    {"new", FIELD_LINE, REQ, 1, RECEIPT_MAX - 1, 0, 0},
    END,
};

static const struct {
	enum case_event type;
	const struct field *table;
} bodies[] = {
    {EVENT_RECEIVE, receive},
    {EVENT_ACCEPT, accept},
    {EVENT_FORWARD, forward},
    {EVENT_WITHDRAW, reason},
    {EVENT_NOTE, note},
    {EVENT_AMEND, amend},
    {EVENT_REFUSE, refuse},
    {EVENT_SUPPLEMENT_NOTICE, supplement_notice},
    {EVENT_RETURN, sent_home},
    {EVENT_SEND_BACK, reason},
    {EVENT_RENUMBER, renumber},
    {EVENT_SUPPLEMENT_COMPLETE, supplement_complete},
    {EVENT_SUPPLEMENT_LAPSE, reason},
    {EVENT_NOT_REQUIRED, not_required},
    {EVENT_START_REVIEW, only_note},
    {EVENT_SUSPEND, suspend},
    {EVENT_RESUME, only_note},
    {EVENT_EXTEND, extend},
    {EVENT_ASK_SUPPLEMENT, supplement_notice},
    {EVENT_DECIDE, decide},
    {EVENT_DECIDE_NOW, decide},
    {EVENT_COMPLETE, complete},
    {EVENT_DELIVER, deliver},
    {EVENT_TERMINATE, terminate},
    {EVENT_DEEM_ACCEPT, deem_accept},
    {EVENT_SUBMIT, submit},
    {EVENT_PRE_RETURN, pre_return},
    {EVENT_RESUBMIT, submit},
    {EVENT_ADD_MATERIAL, supplement_complete},
    {EVENT_RATE, rate},
    {EVENT_REVEAL, reveal},
    {EVENT_ARCHIVE, nothing},
    {EVENT_ERASE, retention_table},
};

const struct field *body_table(enum case_event type)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		if (bodies[i].type == type) return bodies[i].table;
	return registers_table(type);
}
