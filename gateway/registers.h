/* The registers of the station (制度登记簿) at the API: opening an entry, lists, one, its history, what is done about it. */
#ifndef XINKE_GATEWAY_REGISTERS_H
#define XINKE_GATEWAY_REGISTERS_H

#include "gateway/calls.h"

/* Checks and makes the opening in the place of the refused one of entry SEEN: C->body has the shape of the first call without
 * answer and end, and `amends`; where it names no time of opening the first stays. Faults go to C's problem, at the places of the body. */
void registers_check_again(struct call *c, const struct ledger_case *seen);

http_handler registers_post, registers_get, registers_one_get, registers_events_get, registers_events_post;

#endif
