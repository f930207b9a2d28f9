/* Requests whose bodies are taken as they come: uploads, of which no memory could hold all.
 *
 * The library calls request.c, which calls in here, always on the connection's own thread: http_stream_open with the
 * headers, http_stream_opened once the handler's decision is there if it was parked, http_stream_data with each piece,
 * http_stream_end behind the last. While the request is parked the library reads nothing more, so TCP holds the sender
 * back, and no more than one of the library's buffers is held here. */
#include "shared/http/internal.h"

#include <assert.h>
#include <stdlib.h>

void http_stream(struct http_req *req, const struct http_sink *sink, void *arg)
{
	assert(!req->sink && !req->status);
	req->sink = sink;
	req->sink_arg = arg;
}

int64_t http_req_length(const struct http_req *req)
{
	const char *cl = http_req_header(req, "Content-Length");
	if (cl) return (int64_t)strtoll(cl, NULL, 10); /* all digits, and at most body_max */
	return req->more ? -1 : 0;
}

/* The handler has decided. */
static enum MHD_Result decided(struct http_req *req)
{
	req->stream = HTTP_FLOWING;
	if (atomic_load(&req->claim) == HTTP_FORCED) return http_req_refused(req);
	if (!req->sink && !req->status) http_problem_code(req, PROBLEM_INTERNAL, NULL);
	if (req->status) return http_req_refused(req);
	http_conn_phase(req->conn, HTTP_ARRIVING);
	return MHD_YES;
}

enum MHD_Result http_stream_open(struct http_req *req)
{
	struct http_server *s = req->server;
	pthread_mutex_lock(&s->lock);
	req->conn->streams = true;
	pthread_mutex_unlock(&s->lock);
	req->stream = HTTP_OPENING;
	http_conn_phase(req->conn, HTTP_WORKING);
	http_req_run(req);
	/* while parked the rest of REQ may already be in the hands of another thread */
	return req->parked ? MHD_YES : decided(req);
}

enum MHD_Result http_stream_opened(struct http_req *req)
{
	http_req_resumed(req);
	return decided(req);
}

enum MHD_Result http_stream_data(struct http_req *req, const char *data, size_t *size)
{
	size_t n = *size;
	if (req->parked) {
		if (atomic_load(&req->claim) == HTTP_FORCED) return MHD_NO;
		http_req_resumed(req);
	}
	if (req->status) {
		*size = 0;
		return http_req_drop(req, n);
	}
	if (http_stopping(req->server)) return MHD_NO; /* what came is kept, and the sender goes on later */
	size_t took = req->sink->data(req, req->sink_arg, data, n);
	*size = n - took;
	if (req->parked) return MHD_YES; /* and perhaps resumed already: nothing more is touched */
	if (req->status) {
		*size = 0;
		return http_req_drop(req, n - took);
	}
	assert(took == n);
	req->step += took;
	if (req->step >= HTTP_STREAM_STEP) {
		req->step = 0;
		http_conn_phase(req->conn, HTTP_ARRIVING);
	}
	return MHD_YES;
}

void http_stream_end(struct http_req *req)
{
	req->stream = HTTP_ENDED;
	req->sink->end(req, req->sink_arg);
}
