/* How blobs travel between the engine's calls: over a line with a rate and a delay that breaks, to a county of a few lines. */
#include "sync/engine/carry.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

#define FILES  20
#define SIZE   300000
#define RTT_MS 300
#define BPS    8000 /* 64 kbit/s */

static struct {
	int64_t size, here; /* here: at the county, or of a fetch on the box */
	bool made, stored, noted, refused;
	char upload[CARRY_UPLOAD_MAX];
} file[FILES];

static struct carry c;
static int64_t mono, rate, longest, sent_bytes;
static int calls, status_next; /* status_next: the next answer, 0 = the county's own */
static bool broken, lose;      /* no call comes through; the next answer is lost after the county took it */

static int make(void **state)
{
	(void)state;
	memset(file, 0, sizeof file);
	c = (struct carry){.cfg = {.timeout_ms = 20000}};
	mono = 1000;
	rate = BPS;
	longest = sent_bytes = calls = status_next = 0;
	broken = lose = false;
	for (int i = 0; i < FILES; i++)
		file[i].size = SIZE;
	return 0;
}

static int index_of(const struct carry_step *s)
{
	return s->item->sha256[0];
}

static void pick(const struct carry_step *s)
{
	int best = -1;
	for (int i = 0; i < FILES; i++) {
		if (file[i].noted || file[i].refused || !file[i].size) continue;
		bool better = best < 0 || (s->turn == CARRY_SMALLEST && file[i].size < file[best].size);
		if (better) best = i;
	}
	struct carry_item it = {.size = best < 0 ? 0 : file[best].size};
	it.sha256[0] = (uint8_t)best;
	if (best >= 0) (void)snprintf(it.upload, sizeof it.upload, "%s", file[best].upload);
	carry_picked(&c, best < 0 ? NULL : &it, mono + 30000);
}

static int take(const struct carry_step *s, int64_t *offset)
{
	int i = index_of(s);
	switch (s->what) {
	case CARRY_ASK: return file[i].stored ? 200 : 404;
	case CARRY_MAKE:
		file[i].made = true;
		file[i].here = 0;
		*offset = 0;
		return 201;
	case CARRY_FIND: *offset = file[i].here; return file[i].made ? 200 : 404;
	case CARRY_SEND:
		if (s->offset != file[i].here) return 409;
		file[i].here += (int64_t)s->len;
		sent_bytes += (int64_t)s->len;
		*offset = file[i].here;
		file[i].stored = file[i].here == file[i].size;
		return 204;
	default: fail_msg("what is %d?", s->what);
	}
	return 0;
}

static void call(const struct carry_step *s)
{
	char upload[CARRY_UPLOAD_MAX] = "";
	int64_t offset = -1, took = RTT_MS + (int64_t)s->len * 1000 / rate;
	calls++;
	if (broken) {
		mono += s->timeout_ms;
		carry_failed(&c, mono);
		return;
	}
	int status = status_next ? status_next : take(s, &offset);
	status_next = 0;
	mono += took;
	if (s->what == CARRY_SEND && took - RTT_MS > longest) longest = took - RTT_MS;
	if (s->what == CARRY_MAKE) (void)snprintf(upload, sizeof upload, "u%d", index_of(s));
	if (lose) {
		lose = false;
		carry_failed(&c, mono);
	} else {
		(void)carry_answered(&c, mono, status, offset, upload, took);
	}
}

static void write_down(const struct carry_step *s)
{
	int i = index_of(s);
	if (s->end == CARRY_MADE) (void)snprintf(file[i].upload, sizeof file[i].upload, "%s", s->item->upload);
	if (s->end == CARRY_DONE) {
		assert_true(file[i].stored);
		file[i].noted = true;
	}
	if (s->end == CARRY_REFUSED) file[i].refused = true;
	carry_noted(&c);
}

/* One thing, or the wait to the next; false when nothing is left. */
static bool step(void)
{
	struct carry_step s;
	if (!carry_next(&c, mono, 0, &s)) {
		if (c.empty) return false;
		mono = c.due;
		return true;
	}
	if (s.what == CARRY_PICK)
		pick(&s);
	else if (s.what == CARRY_NOTE)
		write_down(&s);
	else
		call(&s);
	return true;
}

static void run(int steps)
{
	while (steps-- && step())
		;
	assert_true(steps >= 0);
}

static int done(void)
{
	int n = 0;
	for (int i = 0; i < FILES; i++)
		n += file[i].noted;
	return n;
}

/* --- pieces --- */

static void a_piece_takes_a_second_at_most(void **state)
{
	(void)state;
	run(10000);
	assert_int_equal(done(), FILES);
	assert_int_equal(sent_bytes, (int64_t)FILES * SIZE);
	assert_true(longest <= 1050);  /* 8 KB to begin with, then what fits */
	assert_true(calls < 20 * 120); /* and it is no drip */
}

static void pieces_grow_with_the_line(void **state)
{
	(void)state;
	rate = 4000000;
	run(10000);
	assert_int_equal(done(), FILES);
	assert_true(calls < 20 * 8);
	assert_true(longest <= 1000);
}

static void a_cap_is_kept(void **state)
{
	(void)state;
	rate = 4000000;
	c.cfg.cap = 20000;
	for (int i = 3; i < FILES; i++)
		file[i].size = 0;
	int64_t start = mono;
	run(10000);
	assert_int_equal(done(), 3);
	assert_true(3LL * SIZE * 1000 / (mono - start) <= 20500);
}

static void a_window_ends_between_pieces(void **state)
{
	struct carry_step s;
	(void)state;
	assert_true(carry_next(&c, mono, 0, &s));
	struct carry_item it = {.size = SIZE, .upload = "u0", .until = mono + 2000};
	file[0].made = true;
	carry_picked(&c, &it, 0);
	while (carry_next(&c, mono, 0, &s) && s.what != CARRY_PICK) {
		assert_true(s.what != CARRY_SEND || mono < it.until);
		call(&s);
	}
	assert_int_equal(s.what, CARRY_PICK); /* which may say: not now */
	assert_true(file[0].here > 0 && file[0].here < SIZE);
}

/* --- breaking off --- */

static void it_goes_on_at_the_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 100000 && done() < FILES; i++) {
		broken = mono / 1000 % 60 >= 20; /* 20 s of every minute */
		lose = !broken && i % 17 == 0;
		if (broken && i % 50 == 0) c = (struct carry){.cfg = c.cfg}; /* and the courier is started anew */
		(void)step();
	}
	assert_int_equal(done(), FILES);
	assert_int_equal(sent_bytes, (int64_t)FILES * SIZE); /* no byte twice that the county had */
}

static void what_the_county_has_is_passed_over(void **state)
{
	(void)state;
	for (int i = 0; i < FILES; i++)
		file[i].stored = true;
	run(1000);
	assert_int_equal(done(), FILES);
	assert_int_equal(sent_bytes, 0);
}

static void an_upload_that_is_gone_begins_anew(void **state)
{
	(void)state;
	(void)snprintf(file[0].upload, sizeof file[0].upload, "old");
	run(10000);
	assert_int_equal(done(), FILES);
	assert_string_equal(file[0].upload, "u0");
}

static void all_bytes_and_no_blob_is_a_refusal(void **state)
{
	(void)state;
	(void)snprintf(file[0].upload, sizeof file[0].upload, "u0");
	file[0].made = true;
	file[0].here = SIZE; /* its hash was wrong */
	run(10000);
	assert_true(file[0].refused);
	assert_int_equal(done(), FILES - 1); /* and holds up nobody */
}

static void small_and_old_by_turns(void **state)
{
	struct carry_step s;
	enum carry_turn turns[4];
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(carry_next(&c, mono, 0, &s));
		assert_int_equal(s.what, CARRY_PICK);
		turns[i] = s.turn;
		struct carry_item it = {.size = 10};
		carry_picked(&c, &it, 0);
		assert_true(carry_next(&c, mono, 0, &s));
		assert_true(carry_answered(&c, mono, 200, -1, "", 1));
		assert_true(carry_next(&c, mono, 0, &s));
		carry_noted(&c);
	}
	assert_true(turns[0] != turns[1] && turns[1] != turns[2] && turns[2] != turns[3]);
}

/* --- statuses --- */

static void to_sending(void)
{
	struct carry_step s;
	struct carry_item it = {.size = SIZE};
	make(NULL);
	assert_true(carry_next(&c, mono, 0, &s));
	carry_picked(&c, &it, 0);
	assert_true(carry_next(&c, mono, 0, &s));
	assert_true(carry_answered(&c, mono, 404, -1, "", 1));
	assert_true(carry_next(&c, mono, 0, &s));
	assert_int_equal(s.what, CARRY_MAKE);
	assert_true(carry_answered(&c, mono, 201, 0, "u0", 1));
	assert_true(carry_next(&c, mono, 0, &s));
	assert_int_equal(s.what, CARRY_NOTE);
	carry_noted(&c);
	assert_true(carry_next(&c, mono, 0, &s));
	assert_int_equal(s.what, CARRY_SEND);
}

static void every_answer_has_its_meaning(void **state)
{
	static const struct {
		int status;
		int64_t offset;
		bool county;
		enum carry_state then;
		int64_t wait;
	} rows[] = {
	    {204, 100, true, CARRY_SENDING, 0},   {204, SIZE, true, CARRY_NOTING, 0},
	    {204, 0, false, CARRY_IDLE, 5000},    {204, SIZE + 1, false, CARRY_IDLE, 5000},
	    {204, -1, false, CARRY_IDLE, 5000},   {409, -1, true, CARRY_FINDING, 0},
	    {404, -1, true, CARRY_ASKING, 0},     {410, -1, true, CARRY_ASKING, 0},
	    {423, -1, true, CARRY_FINDING, 5000}, {507, -1, true, CARRY_IDLE, 600000},
	    {413, -1, true, CARRY_IDLE, 600000},  {460, -1, true, CARRY_NOTING, 0},
	    {422, -1, true, CARRY_NOTING, 0},     {415, -1, true, CARRY_NOTING, 0},
	    {200, SIZE, false, CARRY_IDLE, 5000}, {302, -1, false, CARRY_IDLE, 5000},
	    {503, -1, false, CARRY_IDLE, 5000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		to_sending();
		bool ok = carry_answered(&c, mono, rows[i].status, rows[i].offset, "", 10);
		if (ok != rows[i].county || c.state != rows[i].then) fail_msg("HTTP %d", rows[i].status);
		assert_int_equal(rows[i].wait ? c.due - mono : 0, rows[i].wait);
	}
}

/* --- fetching --- */

static void a_fetch_goes_on_where_it_was(void **state)
{
	struct carry_step s;
	struct carry_item it = {.fetch = true, .size = 20000, .offset = 5000};
	(void)state;
	int64_t at = 5000;
	assert_true(carry_next(&c, mono, 0, &s));
	carry_picked(&c, &it, 0);
	while (carry_next(&c, mono, 0, &s) && s.what == CARRY_FETCH) {
		assert_int_equal(s.offset, at);
		assert_true(s.len > 0 && at + (int64_t)s.len <= it.size);
		at += (int64_t)s.len;
		assert_true(carry_answered(&c, mono, 206, at, "", 500));
	}
	assert_int_equal(at, it.size);
	assert_int_equal(s.what, CARRY_NOTE);
	assert_int_equal(s.end, CARRY_DONE);
	carry_noted(&c);
	assert_int_equal(c.st.fetched, 1);
	assert_true(carry_next(&c, mono, 0, &s));
	carry_picked(&c, &it, 0);
	assert_true(carry_next(&c, mono, 0, &s));
	assert_true(carry_answered(&c, mono, 404, -1, "", 1));
	assert_int_equal(c.end, CARRY_REFUSED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, make)
	const struct CMUnitTest tests[] = {
	    T(a_piece_takes_a_second_at_most),
	    T(pieces_grow_with_the_line),
	    T(a_cap_is_kept),
	    T(a_window_ends_between_pieces),
	    T(it_goes_on_at_the_byte),
	    T(what_the_county_has_is_passed_over),
	    T(an_upload_that_is_gone_begins_anew),
	    T(all_bytes_and_no_blob_is_a_refusal),
	    T(small_and_old_by_turns),
	    T(every_answer_has_its_meaning),
	    T(a_fetch_goes_on_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
