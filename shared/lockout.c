/* See lockout.h. Called by sign-in and by the county's enrolment. */
#include "shared/lockout.h"

#define DELAY_MS     60000LL
#define DELAY_MAX_MS 3600000LL

struct row {
	int64_t failures, until, last_at;
};

static int read_row(struct db *db, const struct lockout_queries *q, const char *subject, struct row *out, struct err *e)
{
	*out = (struct row){0};
	struct db_stmt *s = db_query(db, q->get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "subject", subject);
	int r = db_step(s, e);
	if (r > 0) *out = (struct row){db_int(s, 0), db_int(s, 1), db_int(s, 2)};
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int lockout_wait(struct db *db, const struct lockout_queries *q, const char *subject, int64_t now, int64_t *wait,
                 struct err *e)
{
	struct row row;
	int rc = read_row(db, q, subject, &row, e);
	/* A clock that was set back must not lock somebody out for years. */
	*wait = row.until > now + DELAY_MAX_MS ? DELAY_MAX_MS : row.until > now ? row.until - now : 0;
	return rc;
}

/* The failures that still count at NOW. */
static int64_t remembered(const struct row *row, const struct lockout_rule *rule, int64_t now)
{
	int64_t quiet = rule->forget_ms > 0 && now > row->last_at ? (now - row->last_at) / rule->forget_ms : 0;
	return quiet < row->failures ? row->failures - quiet : 0;
}

int lockout_fail(struct db *db, const struct lockout_queries *q, const char *subject, const struct lockout_rule *rule,
                 int64_t now, struct err *e)
{
	struct row row;
	int64_t delay = DELAY_MS;
	int rc = read_row(db, q, subject, &row, e);
	if (rc) return rc;
	int64_t failures = remembered(&row, rule, now) + 1;
	for (int64_t i = rule->tries; i < failures && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > DELAY_MAX_MS) delay = DELAY_MAX_MS;
	struct db_stmt *s = db_query(db, q->put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "subject", subject);
	db_bind_int(s, "failures", failures);
	db_bind_int(s, "locked_until", failures >= rule->tries ? now + delay : 0);
	db_bind_int(s, "at", now);
	return db_run(s, e);
}

int lockout_clear(struct db *db, const struct lockout_queries *q, const char *subject, struct err *e)
{
	struct db_stmt *s = db_query(db, q->clear, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "subject", subject);
	return db_run(s, e);
}
