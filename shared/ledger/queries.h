/* The box's named queries by index into the ledger connection's table (schema/sql/box/queries.sql), for the files that
 * keep tables of their own beside the ledger: accounts, sessions. */
#ifndef XINKE_LEDGER_QUERIES_H
#define XINKE_LEDGER_QUERIES_H

enum {
#define QUERY(name, sql) Q_##name,
#include "box_queries.inc"
#undef QUERY
	Q_COUNT
};

#endif
