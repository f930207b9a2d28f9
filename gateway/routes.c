/* See routes.h. To add a route: a row here, its handler, its operation in schema/openapi/gateway.yaml. Roles 0 means
 * anybody who is signed in; HTTP_OPEN, anybody. A technician repairs boxes and reads, but takes no cases. */
#include "gateway/routes.h"

#include "gateway/acts.h"
#include "gateway/cases.h"
#include "gateway/changes.h"
#include "gateway/documents.h"
#include "gateway/front.h"
#include "gateway/items.h"
#include "gateway/metrics.h"
#include "gateway/sessions.h"
#include "gateway/sync.h"
#include "shared/limits.h"

#define CREDENTIALS_MAX 4096
#define EMPTY_MAX       64 /* bytes of {} with some white space */
#define WRITES          (HTTP_JSON | HTTP_KEY)

static const struct http_route table[] = {
    {"GET", "/", 0, 0, HTTP_OPEN, front_get, "Explain this address"},
    {"GET", "/healthz", 0, 0, HTTP_OPEN, front_health_get, "Is it well?"},
    {"GET", "/metrics", 0, 0, HTTP_OPEN | HTTP_LOOPBACK, metrics_get, "Prometheus metrics, on loopback"},
    {"GET", "/problems/{code}", 0, 0, HTTP_OPEN, front_problem_get, "What a problem means"},
    {"POST", "/api/v1/sessions", 0, CREDENTIALS_MAX, HTTP_OPEN | HTTP_JSON, sessions_post, "Sign in"},
    {"GET", "/api/v1/sessions/current", 0, 0, 0, sessions_current_get, "Who am I?"},
    {"DELETE", "/api/v1/sessions/current", 0, 0, 0, sessions_current_delete, "Sign out"},
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
    {"GET", "/api/v1/changes", 0, 0, 0, changes_get, "Wait for changed cases"},
    {"GET", "/api/v1/sync", 0, 0, 0, sync_get, "How the road to the county is"},
    {"POST", "/api/v1/sync", 0, 0, 0, sync_post, "Ask the courier for a run"},
};

const struct http_route *routes_table(size_t *n)
{
	*n = sizeof table / sizeof *table;
	return table;
}
