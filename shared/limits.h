/* Limits that more than one part keeps. A limit that one file keeps stands there, with its reason. */
#ifndef XINKE_LIMITS_H
#define XINKE_LIMITS_H

#define LIMIT_DEPTH        16    /* nesting of JSON from outside */
#define LIMIT_CASE_BODY    65536 /* bytes of a registration or an act */
#define LIMIT_PAGE         200   /* rows of one list answer */
#define LIMIT_PAGE_DEFAULT 50
#define LIMIT_BATCH_EVENTS 1000          /* events in one exchange */
#define LIMIT_BATCH_BYTES  1048576       /* bytes of bodies in one exchange */
#define LIMIT_FEED_ENTRIES 500           /* feed entries in one answer */
#define LIMIT_MARK_SPAN    200           /* events that one settled mark may cover: bounds the box's transaction */
#define LIMIT_EXCHANGE     (8 * 1048576) /* bytes of an exchange request or answer */

#endif
