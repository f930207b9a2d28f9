/* See answer.h. */
#include "sync/agent/answer.h"

#include <stdlib.h>

void transport_answer_release(struct transport_answer *a)
{
	free(a->body);
	*a = (struct transport_answer){0};
}
