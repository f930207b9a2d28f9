/* The two daemons of a box wake each other by a datagram on a Unix socket. Best effort: both also look once a second,
 * so a lost wake-up costs at most that. */
#ifndef XINKE_WAKE_H
#define XINKE_WAKE_H

#include "shared/err.h"

#define WAKE_EVENTS  'e' /* gateway to courier: events were committed */
#define WAKE_RUN     'r' /* gateway or technician to courier: go now */
#define WAKE_CHANGED 'c' /* courier to gateway: an answer was applied */
#define WAKE_STOP    'q' /* a program to its own thread: end */

/* Binds a socket at PATH, replacing a dead one (mode by umask). The descriptor (close it), or -1 with E. */
int wake_bind(const char *path, struct err *e);
/* Sends WHAT to PATH; nobody there is no error. Any thread. */
void wake_send(const char *path, char what);
/* Waits up to MS for a datagram on FD; 0 = time is up, -1 = the socket failed. Drains what has queued up and returns
 * the last that is not WAKE_EVENTS, else WAKE_EVENTS. */
int wake_wait(int fd, int ms);

#endif
