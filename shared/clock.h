/* Time: wall clock with a floor and a quality, monotonic clock, boot id, RFC 3339 text, days in China.
 *
 * Order never comes from the wall clock, only display and terms do. The floor (build date, last signed time of the
 * county) keeps a dead clock from dating a case 1970: below it the floor is used and the quality says so. A clock can
 * be replaced by a test's. */
#ifndef XINKE_CLOCK_H
#define XINKE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_OFF_MS 300000 /* a clock that is off by more is wrong, and the county's time stands in its place */

enum clock_quality {
	CLOCK_FLOOR,  /* the system clock was before the floor; the floor stands in its place */
	CLOCK_RTC,    /* the system clock, set by nobody that we know of */
	CLOCK_SYNCED, /* the kernel says that NTP keeps it, or the county's time of this boot stands in its place */
};

struct clock_now {
	int64_t wall; /* Unix ms, never below the floor */
	int64_t mono; /* ms since boot, suspend included (CLOCK_BOOTTIME) */
	enum clock_quality quality;
};

struct clock {
	void (*read)(struct clock *c, int64_t *wall, int64_t *mono, bool *synced); /* the source; tests put their own */
	_Atomic int64_t floor;                                                     /* Unix ms */
	_Atomic int64_t
	    base;      /* the county's time at this machine's boot, Unix ms, by its last signed word; 0 = not known */
	char boot[37]; /* boot id as UUID text */
	void *arg;     /* the source's own */
	_Atomic int64_t
	    asked; /* the system's: monotonic ms when NTP was asked after, times two, plus one where it keeps time */
};

/* The system's clocks, floor at the build date. */
void clock_init(struct clock *c);
struct clock_now clock_read(struct clock *c);
/* Raises the floor to MS; never lowers it. */
void clock_raise_floor(struct clock *c, int64_t ms);
/* The county says, signed, that it was NOW (Unix ms) at MONO: from here on the monotonic clock counts from there wherever
 * the system's clock is wrong. A floor above NOW comes down to it, though not below the build date. */
void clock_told(struct clock *c, int64_t now, int64_t mono);
/* Is the system's own clock wrong, held against NOW (Unix ms)? */
bool clock_system_off(struct clock *c, int64_t now);
/* "synced", "rtc", "floor". */
const char *clock_quality_name(enum clock_quality q);
bool clock_quality_parse(const char *s, enum clock_quality *out);

#define CLOCK_TEXT 32
/* RFC 3339 in China's time, "2026-11-24T11:23:05.123+08:00", into OUT (CLOCK_TEXT). */
void clock_text(int64_t ms, char out[CLOCK_TEXT]);
/* Reads RFC 3339 with any offset, fraction optional; false on anything else or an impossible date. */
bool clock_parse(const char *s, int64_t *ms);
/* The day in China (UTC+8, no summer time) as YYYYMMDD. */
int clock_day(int64_t ms);
/* Days since 1970-01-01 of a proleptic Gregorian date; false when there is no such date. */
bool clock_date_days(int year, int month, int day, int64_t *days);

#endif
