/* See typed.h. Called at the county by its worker, at the box on the writer's thread, each in its write transaction. */
#include "shared/public/typed.h"

#include "shared/public/page.h"

#include "shared/crypto/digest.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/public/form.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define DEPTH       4
#define TYPED_CHARS 47
#define TYPED       (4 * TYPED_CHARS + 4) /* bytes of what is typed into a field */
#define SCANNED     256                   /* characters that a scanner types */
#define LAST        4
#define WRONG       "编号和证件后四位对不上，或者办件还没有传到这里。请核对收件凭证；也可以扫描凭证上的二维码查询。"

/* A quiet day takes one failure off, or the slips of years would lock a bucket at the first. */
static const struct lockout_rule rule = {.tries = 5, .forget_ms = 24 * 3600000LL};

static const struct field table[] = {
    {.name = "receipt_number", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = TYPED_CHARS},
    {.name = "id_last4", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = TYPED_CHARS},
    {.name = NULL},
};

/* --- what is typed --- */

/* FROM without the white space at its ends, letters of ASCII in upper case; what does not fit is cut and thereby wrong. */
static void tidy(const char *from, char *to, size_t cap)
{
	size_t n = 0;
	from += strspn(from, " \t");
	for (; *from && n + 1 < cap; from++)
		to[n++] = *from >= 'a' && *from <= 'z' ? (char)(*from - 'a' + 'A') : *from;
	while (n && (to[n - 1] == ' ' || to[n - 1] == '\t'))
		n--;
	to[n] = '\0';
}

static bool read_form(const char *body, size_t len, char receipt[TYPED], char last4[TYPED])
{
	return form_value(body, len, "receipt_number", receipt, TYPED) &&
	       form_value(body, len, "id_last4", last4, TYPED);
}

static bool read_json(const char *body, size_t len, char receipt[TYPED], char last4[TYPED], struct problem *p)
{
	json_t *o = NULL;
	struct err e = {0};
	if (json_parse_strict(body, len, DEPTH, &o, &e)) {
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "a form or a JSON object is wanted");
		return false;
	}
	bool ok = fields_check(o, table, "", p);
	(void)snprintf(receipt, TYPED, "%s", fields_text(o, "receipt_number"));
	(void)snprintf(last4, TYPED, "%s", fields_text(o, "id_last4"));
	json_decref(o);
	return ok;
}

/* 652323105001202601010100018 means 652323105001-20260101-010001-8: hyphens are small on paper and far on a keyboard. */
static void hyphenate(char *text, size_t cap)
{
	enum { STATION = 12, DAY = 8 };
	char out[TYPED];
	size_t n = strlen(text);
	if (n <= STATION + DAY + 1 || strchr(text, '-')) return;
	int len = snprintf(out, sizeof out, "%.12s-%.8s-%.*s-%c", text, text + STATION, (int)(n - STATION - DAY - 1),
	                   text + STATION + DAY, text[n - 1]);
	if (len > 0 && (size_t)len < cap) memcpy(text, out, (size_t)len + 1);
}

bool typed_read(struct http_req *req, struct ask *a, struct typed *out, struct problem *p)
{
	size_t len = 0;
	struct receipt r;
	char receipt[TYPED] = "", last4[TYPED] = "", tidied[TYPED];
	const char *body = http_req_body(req, &len);
	*out = (struct typed){0};
	a->form = form_is(http_req_header(req, "Content-Type"));
	if (!a->form && !read_json(body ? body : "", len, receipt, last4, p)) return false;
	if (a->form) (void)read_form(body ? body : "", len, receipt, last4); /* what is no text is no number either */
	tidy(receipt, tidied, sizeof tidied);
	if (strlen(tidied) < sizeof out->shown) memcpy(out->shown, tidied, strlen(tidied) + 1);
	hyphenate(tidied, sizeof tidied);
	if (strlen(tidied) >= RECEIPT_MAX || !receipt_parse(tidied, &r))
		problem_field(p, "/receipt_number", "format", "not a receipt number, or mistyped");
	else
		memcpy(out->receipt, tidied, strlen(tidied) + 1);
	tidy(last4, tidied, sizeof tidied);
	if (text_utf8_count(tidied, strlen(tidied)) != LAST || strlen(tidied) != LAST)
		problem_field(p, "/id_last4", "length", "the last four characters of the document number");
	else
		memcpy(out->last4, tidied, LAST + 1);
	return !problem_any(p);
}

/* --- what is scanned --- */

static const struct field scanned[] = {
    {.name = "code", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = SCANNED - 1},
    {.name = NULL},
};

static bool read_code(struct http_req *req, struct ask *a, char code[4 * SCANNED], struct problem *p)
{
	size_t len = 0;
	json_t *o = NULL;
	struct err e = {0};
	const char *body = http_req_body(req, &len);
	a->form = form_is(http_req_header(req, "Content-Type"));
	if (a->form) return form_value(body ? body : "", len, "code", code, 4 * SCANNED);
	if (json_parse_strict(body ? body : "", len, DEPTH, &o, &e)) {
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "a form or a JSON object is wanted");
		return false;
	}
	bool ok = fields_check(o, scanned, "", p);
	(void)snprintf(code, 4 * SCANNED, "%s", fields_text(o, "code"));
	json_decref(o);
	return ok;
}

bool typed_scanned(struct http_req *req, struct ask *a, struct problem *p)
{
	char code[4 * SCANNED] = "";
	a->token[0] = '\0';
	bool read = read_code(req, a, code, p);
	const char *last = strrchr(code, '/'), *from = last ? last + 1 : code + strspn(code, " \t");
	size_t n = strspn(from, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");
	bool ends = !from[n] || strchr(" \t\r\n?#", from[n]);
	if (read && n > 0 && n < sizeof a->token && ends)
		memcpy(a->token, from, n);
	else if (!problem_any(p))
		problem_field(p, "/code", "format", "not the code of a receipt");
	if (!problem_any(p)) a->token[n] = '\0';
	return !problem_any(p);
}

/* --- the try --- */

void typed_key(const void *secret, size_t len, uint8_t out[TYPED_KEY_LEN])
{
	digest_hkdf(secret, len, "xinke typed progress", out, TYPED_KEY_LEN);
}

void typed_subject(const uint8_t key[TYPED_KEY_LEN], const char *receipt, char out[TYPED_SUBJECT_MAX])
{
	uint8_t h[DIGEST_LEN];
	digest_hmac(key, TYPED_KEY_LEN, receipt, strlen(receipt), h);
	(void)snprintf(out, TYPED_SUBJECT_MAX, "receipt:%u", (((unsigned)h[0] << 8) | h[1]) % TYPED_BUCKETS);
}

/* Equal, in a time that depends on neither; both shorter than RECEIPT_MAX. */
static bool same_number(const char *a, const char *b)
{
	char x[RECEIPT_MAX] = {0}, y[RECEIPT_MAX] = {0};
	(void)snprintf(x, sizeof x, "%s", a);
	(void)snprintf(y, sizeof y, "%s", b);
	return text_equal_const(x, y, sizeof x);
}

bool typed_matches(const struct caseview *v, const struct typed *t)
{
	const char *id = fields_text(json_object_get(v->doc, "applicant"), "id_number");
	size_t n = strlen(id), i;
	char last4[TYPED] = "", number[2 * LAST];
	json_t *one;
	bool has = n >= LAST, named = same_number(v->receipt, t->receipt);
	(void)snprintf(number, sizeof number, "%s", has ? id + n - LAST : "????");
	tidy(number, last4, sizeof last4);
	bool fits = text_equal_const(last4, t->last4, LAST);
	json_array_foreach(json_object_get(v->doc, "aliases"), i, one)
		named |= json_is_string(one) && same_number(json_string_value(one), t->receipt);
	return (unsigned)has & (unsigned)named & (unsigned)fits & (unsigned)v->exists;
}

static int look(const struct typed_store *s, const struct typed *t, struct caseview *out, bool *found, struct err *e)
{
	int n = 0;
	struct caseview v[TYPED_CASES] = {0};
	int rc = s->find(s->arg, t->receipt, v, &n, e);
	*found = false;
	for (int i = 0; i < n; i++) {
		bool fits = typed_matches(&v[i], t);
		if (fits && !*found && !rc) {
			*out = v[i];
			*found = true;
		} else {
			caseview_release(&v[i]);
		}
	}
	return rc;
}

int typed_try(const struct typed_store *s, const struct typed *t, int64_t now, struct caseview *out, bool *found,
              int64_t *wait, struct err *e)
{
	char subject[TYPED_SUBJECT_MAX];
	*found = false;
	typed_subject(s->key, t->receipt, subject);
	int rc = lockout_wait(s->db, s->lockout, subject, now, wait, e);
	if (rc || *wait) return rc;
	rc = look(s, t, out, found, e);
	if (!rc)
		rc = *found ? lockout_clear(s->db, s->lockout, subject, e)
		            : lockout_fail(s->db, s->lockout, subject, &rule, now, e);
	if (rc && *found) {
		caseview_release(out);
		*found = false;
	}
	return rc;
}

/* --- answers --- */

static void scan_form(struct page *p)
{
	page_heading(p, "或者扫描凭证上的二维码");
	page_form(p, "post", "/public/scanned");
	page_html(p,
	          "<label for=\"code\">点这里，再用扫描枪扫</label>\n"
	          "<input type=\"text\" id=\"code\" name=\"code\" required maxlength=\"255\" spellcheck=\"false\">\n");
	page_form_end(p, "打开");
}

/* The form with NUMBER in it; WHY (NULL: nothing) says what did not fit. */
static void reply_form(struct http_req *req, const struct ask *a, int status, const char *number, const char *why)
{
	struct page p;
	page_open(&p, a->large, "查询办件进度");
	if (why) {
		page_html(&p, "<div class=\"why\" role=\"alert\">");
		page_para(&p, why);
		page_html(&p, "</div>\n");
	}
	page_form(&p, "post", "/public/progress");
	page_html(&p, "<label for=\"number\">收件编号（在收件凭证上）</label>\n"
	              "<input type=\"text\" id=\"number\" name=\"receipt_number\" required maxlength=\"47\" "
	              "autocapitalize=\"characters\" spellcheck=\"false\" value=\"");
	page_attribute(&p, number);
	page_html(&p, "\">\n<label for=\"last4\">申请人证件号码的最后四位</label>\n"
	              "<input type=\"text\" id=\"last4\" name=\"id_last4\" required minlength=\"4\" maxlength=\"4\" "
	              "autocapitalize=\"characters\" spellcheck=\"false\">\n");
	page_form_end(&p, "查询");
	if (a->screen) scan_form(&p);
	page_html(&p, "<footer>输错五次后要等一会儿才能再试。没有登记证件号码的办件，请扫描收件凭证上的二维码查询。"
	              "</footer>\n");
	page_foot(&p, "/public/progress");
	page_reply(req, status, &p);
}

void typed_form(struct http_req *req, const struct ask *a)
{
	reply_form(req, a, 200, "", NULL);
}

void typed_wrong(struct http_req *req, const struct ask *a, const struct typed *t)
{
	if (a->html || a->form)
		reply_form(req, a, 404, t->shown, WRONG);
	else
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
}

void typed_invalid(struct http_req *req, const struct ask *a, const struct typed *t, struct problem *p)
{
	if (a->html || a->form) {
		reply_form(req, a, problem_row(p->code)->status, t ? t->shown : "",
		           t ? "收件编号或证件后四位没有输对，请对照收件凭证再输一次。"
		             : "这不是收件凭证上的二维码，请再扫一次。");
		problem_release(p);
	} else {
		http_problem(req, p);
	}
}
