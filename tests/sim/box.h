/* A box: its disk, its clock, the gateway's connection and the courier with engine and hands. */
#ifndef XINKE_SIM_BOX_H
#define XINKE_SIM_BOX_H

#include "shared/ledger/ledger.h"
#include "sync/agent/hands.h"
#include "sync/county/county.h"
#include "tests/sim/vfs.h"

struct world;

/* The hardware's clock. */
struct box_clock {
	const struct world *w;
	int64_t offset;  /* ms by which it is wrong */
	int64_t drift;   /* millionths */
	int64_t boot_at; /* world's ms */
	bool synced;
};

struct box {
	struct world *w;
	int i, machine; /* 0 = this box is not there */
	int key;        /* which field key of the kit */
	int csr;
	char station[13];
	bool on, gone; /* gone: never again */
	bool starting; /* an event will start it */
	struct box_clock hw;
	/* the gateway */
	struct vfs_proc *gp;
	struct clock gclock;
	struct ledger *gw;
	/* the courier */
	struct vfs_proc *cp;
	struct clock cclock;
	struct ledger *cl;
	struct engine *g;
	struct hands hands;
	bool pinned;            /* the courier holds the county by its key and not by dates */
	bool in_step, want_cut; /* inside hands_step; the power is to go when it comes back */
	uint64_t step;          /* only the newest courier event counts */
	int64_t last_boot;
	/* what lies beside the ledger */
	bool enrolled, half;                  /* half: the certificate is new, the ledger could not open its log */
	struct county_peer peer, backup_peer; /* the second goes with the old copy */
	bool backup_enrolled;
	struct catalog *catalog;
	int64_t catalog_feed;
	/* the link */
	int64_t down_until, portal_until;
	char *old_answer, old_signature[256];
	size_t old_len;
	/* what is watched */
	int64_t calls, applied;
	int64_t poison,
	    poison_answers; /* seq of an event that rotted, 0 = none; answers since it was sent, -1 = not yet */
	uint8_t poison_log[UUID_LEN];
	int asked_epoch, office_epoch; /* of the restored county: that answered last, whose answer was applied last */
	int64_t exchanges;
};

/* Makes box I of the world for STATION with a new disk under field key KEY. Off. */
struct box *box_make(struct world *w, int i, const char *station, int key);
/* Starts what is not running: gateway and courier. A failing disk leaves it off, to be tried again. */
void box_start(struct world *w, struct box *b);
/* Kills a process; the rest of the machine goes on. */
void box_kill_gateway(struct world *w, struct box *b);
void box_kill_courier(struct world *w, struct box *b);
/* The power goes. */
void box_cut(struct world *w, struct box *b);
/* Stops in order. */
void box_stop(struct world *w, struct box *b);
/* Looks whether a process died at what was just done, and takes away what is left of it. */
void box_reap(struct world *w, struct box *b);
void box_release(struct world *w, struct box *b);
/* There are new events: the courier is woken, or finds out within a second. */
void box_wake(struct world *w, struct box *b);
/* Enrols with a fresh code: a new log. RESTORE declares that the station's other boxes are gone. */
bool box_enrol(struct world *w, struct box *b, bool restore);
/* The catalog that the feed brought, or NULL. Borrowed. */
struct catalog *box_catalog(struct world *w, struct box *b);
/* Is everything said, heard and judged? WHY says what is left. */
bool box_idle(struct world *w, struct box *b, char why[160]);

#endif
