/* See routes.h. To add a route: a row here, its handler, its operation in schema/openapi/gateway.yaml. Roles 0 means
 * anybody who is signed in; HTTP_OPEN, anybody. A technician repairs boxes and reads, but takes no cases. */
#include "gateway/routes.h"

#include "gateway/acts.h"
#include "gateway/audit.h"
#include "gateway/blobs.h"
#include "gateway/calendar.h"
#include "gateway/cases.h"
#include "gateway/changes.h"
#include "gateway/devices.h"
#include "gateway/documents.h"
#include "gateway/export.h"
#include "gateway/front.h"
#include "gateway/handovers.h"
#include "gateway/items.h"
#include "gateway/metrics.h"
#include "gateway/people.h"
#include "gateway/public.h"
#include "gateway/rating.h"
#include "gateway/registers.h"
#include "gateway/reports.h"
#include "gateway/reveal.h"
#include "gateway/selfcheck.h"
#include "gateway/session_list.h"
#include "gateway/signin.h"
#include "gateway/staff.h"
#include "gateway/sync.h"
#include "gateway/uploads.h"
#include "shared/limits.h"

#define CREDENTIALS_MAX 4096
#define EMPTY_MAX       64 /* bytes of {} with some white space */
#define ROLE_MANAGES    (ROLE_LEAD | ROLE_TECHNICIAN)
#define WRITES          (HTTP_JSON | HTTP_KEY)

static const struct http_route table[] = {
    {"GET", "/", 0, 0, HTTP_OPEN, front_get, "Explain this address"},
    {"GET", "/healthz", 0, 0, HTTP_OPEN, front_health_get, "Is it well?"},
    {"GET", "/metrics", 0, 0, HTTP_OPEN | HTTP_LOOPBACK, metrics_get, "Prometheus metrics, on loopback"},
    {"GET", "/problems/{code}", 0, 0, HTTP_OPEN, front_problem_get, "What a problem means"},
    {"GET", "/screen", 0, 0, HTTP_OPEN, public_screen, "Where a turned screen begins"},
    {"GET", "/public", 0, 0, HTTP_OPEN, public_home, "What a citizen can ask for"},
    {"GET", "/public/guides", 0, 0, HTTP_OPEN, public_guides, "Guides of the items"},
    {"GET", "/public/guides/{code}", 0, 0, HTTP_OPEN, public_guide, "The guide of an item"},
    {"GET", "/public/progress", 0, 0, HTTP_OPEN, public_typed_form, "Ask by receipt number"},
    {"POST", "/public/progress", 0, CREDENTIALS_MAX, HTTP_OPEN, public_typed, "How far a case is, by receipt number"},
    {"POST", "/public/scanned", 0, CREDENTIALS_MAX, HTTP_OPEN, public_scanned, "How far a case is, by a scanner"},
    {"GET", "/public/progress/{token}", 0, 0, HTTP_OPEN, public_progress, "How far a case is"},
    {"GET", "/public/rate/{token}", 0, 0, HTTP_OPEN, rating_get, "May it be rated?"},
    {"POST", "/public/rate/{token}", 0, ASK_BODY_MAX, HTTP_OPEN, rating_post, "Rate it"},
    {"GET", "/api/v1/version", 0, 0, HTTP_OPEN, front_version_get, "Which versions this box speaks with"},
    {"POST", "/api/v1/sessions", 0, CREDENTIALS_MAX, HTTP_OPEN | HTTP_JSON, signin_post, "Sign in"},
    {"GET", "/api/v1/sessions", 0, 0, 0, session_list_get, "Sessions, one's own or others'"},
    {"GET", "/api/v1/sessions/current", 0, 0, 0, signin_current_get, "Who am I?"},
    {"DELETE", "/api/v1/sessions/current", 0, 0, 0, signin_current_delete, "Sign out"},
    {"DELETE", "/api/v1/sessions/{id}", 0, 0, 0, session_list_delete, "End a session"},
    {"GET", "/api/v1/staff", ROLE_MANAGES, 0, 0, staff_get, "The accounts of the station"},
    {"POST", "/api/v1/staff", ROLE_MANAGES, CREDENTIALS_MAX, HTTP_JSON, staff_post, "Add an account"},
    {"GET", "/api/v1/staff/{id}", ROLE_MANAGES, 0, 0, staff_one_get, "One account"},
    {"PATCH", "/api/v1/staff/{id}", ROLE_MANAGES, CREDENTIALS_MAX, HTTP_JSON, staff_one_patch, "Change an account"},
    {"POST", "/api/v1/staff/{id}/password", ROLE_MANAGES, 0, 0, staff_reset_post, "Give a one-time password"},
    {"POST", "/api/v1/staff/current/password", 0, CREDENTIALS_MAX, HTTP_JSON, staff_password_post,
     "Change one's own password"},
    {"GET", "/api/v1/devices", 0, 0, 0, devices_get, "Phones, all or one's own"},
    {"POST", "/api/v1/devices", 0, CREDENTIALS_MAX, HTTP_JSON, devices_post, "Register this phone"},
    {"POST", "/api/v1/devices/{id}/approve", ROLE_MANAGES, 0, 0, devices_approve_post, "Approve a phone"},
    {"POST", "/api/v1/devices/{id}/revoke", ROLE_MANAGES, 0, 0, devices_revoke_post, "Revoke a phone"},
    {"PUT", "/api/v1/devices/current/pin", 0, CREDENTIALS_MAX, HTTP_JSON, devices_pin_put, "Set a PIN on this phone"},
    {"GET", "/api/v1/audit", ROLE_MANAGES, 0, 0, audit_get, "Who did what"},
    {"GET", "/api/v1/calendar", 0, 0, 0, calendar_get, "The calendar in force"},
    {"GET", "/api/v1/calendar/moved", 0, 0, 0, calendar_moved_get, "Which due days it moved"},
    {"GET", "/api/v1/catalog", 0, 0, 0, items_catalog_get, "The catalog in force"},
    {"GET", "/api/v1/catalog/items", 0, 0, 0, items_list_get, "Find items"},
    {"GET", "/api/v1/catalog/items/{code}", 0, 0, 0, items_one_get, "One item with its guide"},
    {"POST", "/api/v1/cases", ROLE_WINDOW, LIMIT_CASE_BODY, WRITES, cases_post, "Take a case in"},
    {"GET", "/api/v1/cases", 0, 0, 0, cases_get, "List and search cases"},
    {"GET", "/api/v1/cases/{id}", 0, 0, 0, cases_one_get, "Read a case"},
    {"GET", "/api/v1/cases/{id}/events", 0, 0, 0, acts_get, "A case's history"},
    {"POST", "/api/v1/cases/{id}/events", ROLE_WINDOW, LIMIT_CASE_BODY, WRITES, acts_post, "Act on a case"},
    {"GET", "/api/v1/cases/{id}/documents", 0, 0, 0, documents_get, "The papers that there are of a case"},
    {"GET", "/api/v1/cases/{id}/documents/{kind}", 0, 0, 0, documents_one_get, "A paper as a page"},
    {"POST", "/api/v1/cases/{id}/documents/{kind}/print", ROLE_WINDOW, EMPTY_MAX, HTTP_JSON, documents_print_post,
     "A paper on the receipt printer"},
    {"POST", "/api/v1/cases/{id}/reveal", ROLE_WINDOW, CREDENTIALS_MAX, WRITES, reveal_post, "See full numbers"},
    {"POST", "/api/v1/registers/{register}/{id}/reveal", ROLE_WINDOW, CREDENTIALS_MAX, WRITES, reveal_entry_post,
     "See an entry's full numbers"},
    {"POST", "/api/v1/people/lookup", ROLE_WINDOW, CREDENTIALS_MAX, HTTP_JSON, people_lookup_post,
     "Find a person's last case"},
    {"POST", "/api/v1/people/export", ROLE_LEAD, CREDENTIALS_MAX, HTTP_JSON, export_post,
     "What is kept about a person, for that person"},
    {"POST", "/api/v1/registers/{register}", ROLE_WINDOW, LIMIT_CASE_BODY, WRITES, registers_post, "Open an entry"},
    {"GET", "/api/v1/registers/{register}", 0, 0, 0, registers_get, "Entries of a register"},
    {"GET", "/api/v1/registers/{register}/{id}", 0, 0, 0, registers_one_get, "Read an entry"},
    {"GET", "/api/v1/registers/{register}/{id}/events", 0, 0, 0, registers_events_get, "An entry's history"},
    {"POST", "/api/v1/registers/{register}/{id}/events", ROLE_WINDOW, LIMIT_CASE_BODY, WRITES, registers_events_post,
     "Go on with an entry"},
    {"GET", "/api/v1/handovers", 0, 0, 0, handovers_get, "What was passed on, and what became of it"},
    {"GET", "/api/v1/handovers/document", 0, 0, 0, handovers_document_get, "A hand-over list as a page"},
    {"POST", "/api/v1/handovers/document/print", ROLE_WINDOW, EMPTY_MAX, HTTP_JSON, handovers_print_post,
     "A hand-over list on the receipt printer"},
    {"GET", "/api/v1/selfcheck", 0, 0, 0, selfcheck_get, "The venue standard and what the station says of it"},
    {"POST", "/api/v1/selfcheck", ROLE_LEAD, LIMIT_CASE_BODY, WRITES, selfcheck_post, "Check the station"},
    {"GET", "/api/v1/reports/{report}", ROLE_WINDOW, 0, 0, reports_get, "A report for putting right"},
    {"OPTIONS", "/api/v1/uploads", 0, 0, HTTP_OPEN, uploads_options, "What tus can do here"},
    {"POST", "/api/v1/uploads", ROLE_WINDOW, HTTP_STREAM_MAX, HTTP_STREAM, uploads_post, "Begin an upload"},
    {"OPTIONS", "/api/v1/uploads/{id}", 0, 0, HTTP_OPEN, uploads_options, "What tus can do here"},
    {"HEAD", "/api/v1/uploads/{id}", ROLE_WINDOW, 0, 0, uploads_head, "How far an upload is"},
    {"PATCH", "/api/v1/uploads/{id}", ROLE_WINDOW, HTTP_STREAM_MAX, HTTP_STREAM, uploads_patch, "Go on with an upload"},
    {"DELETE", "/api/v1/uploads/{id}", ROLE_WINDOW, 0, 0, uploads_delete, "Give an upload up"},
    {"GET", "/api/v1/blobs/{sha256}", 0, 0, 0, blobs_get, "A photo or paper"},
    {"GET", "/api/v1/changes", 0, 0, 0, changes_get, "Wait for changed cases"},
    {"GET", "/api/v1/sync", 0, 0, 0, sync_get, "How the road to the county is"},
    {"POST", "/api/v1/sync", 0, 0, 0, sync_post, "Ask the courier for a run"},
};

const struct http_route *routes_table(size_t *n)
{
	*n = sizeof table / sizeof *table;
	return table;
}
