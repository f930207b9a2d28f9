/* How gateway and xinke-print talk: a frame is four bytes of length, highest first, and so many bytes of JSON. One request
 * and one answer a connection on a Unix stream socket; both have a ceiling and a deadline. */
#ifndef XINKE_PRINT_FRAME_H
#define XINKE_PRINT_FRAME_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_REQUEST_MAX (512 * 1024)  /* a paper of 40 materials with the longest texts takes 60 KiB */
#define FRAME_ANSWER_MAX  (2048 * 1024) /* its page, every character escaped */

/* Monotonic ms, for deadlines. */
int64_t frame_mono(void);
/* A connection to the socket at PATH (close it), -1 with E: ERR_NOTFOUND when nobody listens there. */
int frame_connect(const char *path, struct err *e);
/* A listening socket at PATH, mode 0660, replacing a dead one; ERR_CONFLICT when somebody listens there. -1 with E. */
int frame_listen(const char *path, struct err *e);
/* Sends one frame before DEADLINE (monotonic ms). ERR_BUSY when time is up. */
int frame_send(int fd, const void *data, size_t len, int64_t deadline, struct err *e);
/* Receives one frame of at most MAX bytes into new NUL-terminated *OUT (free). ERR_INVALID when it is longer or empty,
 * ERR_IO when the other end goes before its end, ERR_BUSY when time is up. */
int frame_receive(int fd, size_t max, int64_t deadline, char **out, size_t *len, struct err *e);

#endif
