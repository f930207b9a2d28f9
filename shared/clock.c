/* See clock.h. The source reads CLOCK_REALTIME, CLOCK_BOOTTIME and adjtimex; everything else is arithmetic. A struct
 * clock is read by one thread, or behind its owner's lock when its floor moves. */
#include "shared/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define DAY_MS   86400000LL
#define ASK_MS   1000 /* between two questions after NTP: each is a system call, and the answer changes slowly */
#define CHINA_MS (8 * 3600000LL)
#define BUILD_MS ((int64_t)XINKE_BUILD_EPOCH * 1000)

static int64_t ms_of(clockid_t id)
{
	struct timespec ts;
	if (clock_gettime(id, &ts) != 0) return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void read_system(struct clock *c, int64_t *wall, int64_t *mono, bool *synced)
{
	struct timex tx = {0};
	*wall = ms_of(CLOCK_REALTIME);
	*mono = ms_of(CLOCK_BOOTTIME);
	int64_t asked = c->asked;
	if (asked && *mono >= asked / 2 && *mono - asked / 2 < ASK_MS) {
		*synced = asked % 2 != 0;
		return;
	}
	int state = adjtimex(&tx);
	*synced = state >= 0 && state != TIME_ERROR && !(tx.status & STA_UNSYNC);
	c->asked = *mono * 2 + *synced;
}

void clock_init(struct clock *c)
{
	*c = (struct clock){.read = read_system, .floor = BUILD_MS};
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!f || fscanf(f, "%36s", c->boot) != 1)
		(void)snprintf(c->boot, sizeof c->boot, "00000000-0000-0000-0000-000000000000");
	if (f) (void)fclose(f);
}

static bool wrong(int64_t wall, int64_t now)
{
	return wall > now + CLOCK_OFF_MS || wall < now - CLOCK_OFF_MS;
}

struct clock_now clock_read(struct clock *c)
{
	struct clock_now n = {0};
	bool synced = false;
	int64_t base = c->base, low = c->floor;
	c->read(c, &n.wall, &n.mono, &synced);
	if (base && wrong(n.wall, n.mono + base)) {
		n.wall = n.mono + base;
		synced = true;
	}
	n.quality = synced ? CLOCK_SYNCED : CLOCK_RTC;
	if (n.wall < low) {
		n.wall = low;
		n.quality = CLOCK_FLOOR;
	}
	return n;
}

void clock_raise_floor(struct clock *c, int64_t ms)
{
	if (ms > c->floor) c->floor = ms;
}

void clock_told(struct clock *c, int64_t now, int64_t mono)
{
	c->base = now - mono;
	if (now < c->floor) c->floor = now > BUILD_MS ? now : BUILD_MS;
}

bool clock_system_off(struct clock *c, int64_t now)
{
	int64_t wall, mono;
	bool synced;
	c->read(c, &wall, &mono, &synced);
	return wrong(wall, now);
}

static const char *const names[] = {[CLOCK_FLOOR] = "floor", [CLOCK_RTC] = "rtc", [CLOCK_SYNCED] = "synced"};

const char *clock_quality_name(enum clock_quality q)
{
	return names[q];
}

bool clock_quality_parse(const char *s, enum clock_quality *out)
{
	for (int i = CLOCK_FLOOR; i <= CLOCK_SYNCED; i++) {
		if (strcmp(s, names[i]) == 0) {
			*out = (enum clock_quality)i;
			return true;
		}
	}
	return false;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Broken-down time in China, which has had no summer time since 1991: UTC of eight hours later. */
static void china(int64_t ms, struct tm *tm)
{
	time_t t = (time_t)floor_div(ms + CHINA_MS, 1000);
	if (!gmtime_r(&t, tm)) *tm = (struct tm){.tm_mday = 1, .tm_year = 70}; /* past the year 2^31 */
}

bool clock_date_days(int year, int month, int day, int64_t *days)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	time_t t = timegm(&tm); /* normalises 31 April to 1 May: what comes back must be what went in */
	if (tm.tm_year != year - 1900 || tm.tm_mon != month - 1 || tm.tm_mday != day) return false;
	*days = floor_div((int64_t)t, DAY_MS / 1000);
	return true;
}

int clock_day(int64_t ms)
{
	struct tm tm;
	china(ms, &tm);
	return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

void clock_text(int64_t ms, char out[CLOCK_TEXT])
{
	struct tm tm;
	char date[22]; /* the longest date that leaves room in OUT */
	china(ms, &tm);
	if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) date[0] = '\0';
	(void)snprintf(out, CLOCK_TEXT, "%s.%03u+08:00", date, (unsigned)(ms - floor_div(ms, 1000) * 1000) % 1000);
}

/* Reads N digits at *P, moving it on. */
static bool digits(const char **p, int n, int *out)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9') return false;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return true;
}

static bool literal(const char **p, char c)
{
	if (**p != c) return false;
	(*p)++;
	return true;
}

static bool offset(const char **p, int *minutes)
{
	*minutes = 0;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return true;
	}
	int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0;
	int h, m;
	if (!sign) return false;
	(*p)++;
	if (!digits(p, 2, &h) || !literal(p, ':') || !digits(p, 2, &m) || h > 23 || m > 59) return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

bool clock_parse(const char *s, int64_t *ms)
{
	const char *p = s;
	int y, mo, d, h, mi, sec, off, frac = 0;
	int64_t days;
	if (!digits(&p, 4, &y) || !literal(&p, '-') || !digits(&p, 2, &mo) || !literal(&p, '-') || !digits(&p, 2, &d))
		return false;
	if (*p != 'T' && *p != 't') return false;
	p++;
	if (!digits(&p, 2, &h) || !literal(&p, ':') || !digits(&p, 2, &mi) || !literal(&p, ':') || !digits(&p, 2, &sec))
		return false;
	if (*p == '.') {
		p++;
		int scale = 100, n = 0;
		for (; *p >= '0' && *p <= '9'; p++, n++, scale /= 10)
			frac += (*p - '0') * scale;
		if (n == 0 || n > 9) return false;
	}
	if (!offset(&p, &off) || *p) return false;
	if (h > 23 || mi > 59 || sec > 59 || !clock_date_days(y, mo, d, &days)) return false;
	*ms = days * DAY_MS + ((int64_t)h * 3600 + mi * 60 + sec - (int64_t)off * 60) * 1000 + frac;
	return true;
}
