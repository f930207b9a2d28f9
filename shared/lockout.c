/* See lockout.h. Called by sign-in and by the county's enrolment. */
#include "shared/lockout.h"

#define DELAY_MS     60000LL
#define DELAY_MAX_MS 3600000LL

static int read_row(struct db *db, const struct lockout_queries *q, const char *subject, int64_t *failures,
                    int64_t *until, struct err *e)
{
	*failures = *until = 0;
	struct db_stmt *s = db_query(db, q->get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "subject", subject);
	int r = db_step(s, e);
	if (r > 0) {
		*failures = db_int(s, 0);
		*until = db_int(s, 1);
		db_reset(s);
	}
	return r < 0 ? -r : ERR_OK;
}

int lockout_wait(struct db *db, const struct lockout_queries *q, const char *subject, int64_t now, int64_t *wait,
                 struct err *e)
{
	int64_t failures, until;
	int rc = read_row(db, q, subject, &failures, &until, e);
	/* A clock that was set back must not lock somebody out for years. */
	*wait = until > now + DELAY_MAX_MS ? DELAY_MAX_MS : until > now ? until - now : 0;
	return rc;
}

int lockout_fail(struct db *db, const struct lockout_queries *q, const char *subject, int tries, int64_t now,
                 struct err *e)
{
	int64_t failures, until, delay = DELAY_MS;
	int rc = read_row(db, q, subject, &failures, &until, e);
	if (rc) return rc;
	failures++;
	for (int64_t i = tries; i < failures && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > DELAY_MAX_MS) delay = DELAY_MAX_MS;
	struct db_stmt *s = db_query(db, q->put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "subject", subject);
	db_bind_int(s, "failures", failures);
	db_bind_int(s, "locked_until", failures >= tries ? now + delay : 0);
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
