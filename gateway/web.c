/* See web.h. A request looks its file up and opens it under the lock, and has nothing of the list afterwards, so that a new
 * list can take the old one's place at any time. The file is then read as the phone takes it, on the server's thread. */
#include "gateway/web.h"

#include "gateway/answer.h"
#include "gateway/routes.h"
#include "gateway/web_list.h"
#include "shared/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST  "files.json"
#define INDEX "/index.html"
/* Script and style come from this address alone, as files. Style attributes that scripts set need no leave. */
#define POLICY                                                                                                         \
	"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "       \
	"connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; "             \
	"form-action 'none'; frame-ancestors 'none'"

/* Tells one list from another. */
struct stamp {
	struct timespec changed;
	off_t size;
	ino_t file;
};

struct web {
	struct gateway *gw;
	char path[FILE_PATH_MAX]; /* of the list */
	pthread_mutex_t lock;
	/* under it: */
	int folder; /* -1: there is no app */
	struct web_list *list;
	/* the waker's: */
	struct stamp seen;
	bool told; /* of the fault in the list of `seen` */
};

int web_new(struct gateway *gw, struct web **out, struct err *e)
{
	struct web *w = *out = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "web");
	w->gw = gw;
	w->folder = -1;
	(void)pthread_mutex_init(&w->lock, NULL);
	int n = snprintf(w->path, sizeof w->path, "%s/" LIST, gw->cfg.web);
	return n > 0 && n < (int)sizeof w->path ? ERR_OK : err_set(e, ERR_INVALID, "paths.web is too long");
}

static void set_list(struct web *w, int folder, struct web_list *list)
{
	(void)pthread_mutex_lock(&w->lock);
	int old_folder = w->folder;
	struct web_list *old = w->list;
	w->folder = folder;
	w->list = list;
	(void)pthread_mutex_unlock(&w->lock);
	if (old_folder >= 0) (void)close(old_folder);
	web_list_free(old);
}

void web_free(struct web *w)
{
	if (!w) return;
	set_list(w, -1, NULL);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

/* --- the list --- */

static int read_list(const struct web *w, struct web_list **out, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	struct err inner = {0};
	int rc = file_read(w->path, WEB_LIST_BYTES_MAX, &text, &len, e);
	if (!rc) rc = web_list_parse(text, len, out, &inner);
	free(text);
	return inner.code ? err_set(e, inner.code, "%s: %s", w->path, inner.msg) : rc;
}

/* Every file that the list names must be there, a plain file of this folder, before anybody is sent to it. */
static int check_files(int folder, const struct web_list *l, struct err *e)
{
	int rc = ERR_OK;
	for (size_t i = 0; i < web_list_count(l) && !rc; i++)
		for (size_t c = 0; c < WEB_ENCODINGS && !rc; c++) {
			int fd = -1;
			const char *name = web_list_at(l, i)->file[c];
			if (name) rc = file_open_under(folder, name, &fd, e);
			if (fd >= 0) (void)close(fd);
		}
	return rc;
}

static int load(struct web *w, struct err *e)
{
	struct web_list *list = NULL;
	int folder = open(w->gw->cfg.web, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) return err_sys(e, errno, "%s", w->gw->cfg.web);
	int rc = read_list(w, &list, e);
	if (!rc) rc = check_files(folder, list, e);
	if (rc) {
		web_list_free(list);
		(void)close(folder);
		return rc;
	}
	log_info(&w->gw->log, "web", "files=%zu", web_list_count(list));
	set_list(w, folder, list);
	return ERR_OK;
}

static bool look(const struct web *w, struct stamp *out)
{
	struct stat st;
	if (stat(w->path, &st) != 0) return false;
	*out = (struct stamp){st.st_mtim, st.st_size, st.st_ino};
	return true;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->size == b->size && a->file == b->file;
}

void web_refresh(struct web *w)
{
	struct stamp now = {0};
	struct err e = {0};
	if (!look(w, &now)) {
		if (w->list) log_info(&w->gw->log, "web", "files=0");
		set_list(w, -1, NULL);
		w->seen = now;
		return;
	}
	bool fresh = !same(&now, &w->seen);
	if (!fresh && !w->told) return;
	/* a list with a fault is looked at each time: a build that is under way mends it without a sign */
	int rc = load(w, &e);
	if (rc && (fresh || !w->told)) log_error(&w->gw->log, "web", "text=\"%s\"", e.msg);
	w->told = rc != ERR_OK;
	w->seen = now;
}

/* --- answers --- */

struct reading {
	int fd;
};

static int read_some(void *arg, int64_t off, void *out, size_t len)
{
	struct reading *r = arg;
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(r->fd, (char *)out + done, len - done, (off_t)(off + (int64_t)done));
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return ERR_IO; /* it is shorter than it was: the answer is cut off */
		done += (size_t)n;
	}
	return ERR_OK;
}

static void read_end(void *arg)
{
	struct reading *r = arg;
	(void)close(r->fd);
	free(r);
}

/* What of a row an answer needs; the list may be gone when it is given. */
struct found {
	int fd;
	int64_t size;
	enum web_encoding form;
	bool immutable;
	char type[128], tag[WEB_ETAG_MAX];
};

static int find(struct web *w, const struct http_req *req, const char *path, struct found *out, struct err *e)
{
	struct stat st;
	int rc = ERR_NOTFOUND;
	*out = (struct found){.fd = -1};
	(void)pthread_mutex_lock(&w->lock);
	const struct web_file *f = w->list ? web_list_find(w->list, path) : NULL;
	if (f) {
		out->form = web_encoding_pick(f, http_req_header(req, "Accept-Encoding"));
		out->immutable = f->immutable;
		(void)snprintf(out->type, sizeof out->type, "%s", f->type);
		web_etag(f, out->form, out->tag);
		rc = file_open_under(w->folder, f->file[out->form], &out->fd, e);
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (rc) return rc;
	if (fstat(out->fd, &st) != 0) rc = err_sys(e, errno, "%s", path);
	out->size = st.st_size;
	if (rc) (void)close(out->fd);
	return rc;
}

/* VARY names what else of the request has chosen the answer. */
static void say_what(struct http_req *req, const struct found *f, const char *vary)
{
	http_reply_header(req, "ETag", f->tag);
	http_reply_header(req, "Cache-Control", f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	http_reply_header(req, "Vary", vary);
	http_reply_header(req, "Content-Security-Policy", POLICY);
	http_reply_header(req, "Referrer-Policy", "same-origin");
	if (f->form != WEB_IDENTITY) http_reply_header(req, "Content-Encoding", web_encoding_name(f->form));
}

static void send_file(struct http_req *req, const struct found *f, const char *vary)
{
	bool kept = web_etag_matches(http_req_header(req, "If-None-Match"), f->tag);
	struct reading *r = kept ? NULL : malloc(sizeof *r);
	if (!r) (void)close(f->fd);
	if (!r && !kept) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	say_what(req, f, vary);
	if (kept) {
		http_reply(req, 304, NULL, "", 0);
		return;
	}
	r->fd = f->fd;
	const struct http_content content = {.read = read_some, .release = read_end, .arg = r};
	http_reply_content(req, 200, f->type, f->size, &content);
}

/* Answers with the file of PATH; false where there is none. */
static bool serve(struct gateway *gw, struct http_req *req, const char *path, const char *vary)
{
	struct found f;
	struct err e = {0};
	int rc = find(gw->web, req, path, &f, &e);
	if (rc == (int)ERR_NOTFOUND && !e.code) return false;
	if (!rc) {
		send_file(req, &f, vary);
		return true;
	}
	/* the list has it and the folder does not: a build is under way, and a new list follows */
	log_warn(&gw->log, "web", "text=\"%s\"", e.msg);
	answer_later(req, PROBLEM_BUSY, 2);
	return true;
}

/* Browsers name text/html where a page is to be shown; scripts, pictures and tools do not. */
bool web_index(struct gateway *gw, struct http_req *req)
{
	const char *accept = http_req_header(req, "Accept");
	return accept && strstr(accept, "text/html") && serve(gw, req, INDEX, "Accept, Accept-Encoding");
}

/* Does a route's path begin as PATH does? Then it is none of the app's. */
static bool of_routes(const char *path)
{
	size_t n, len = strcspn(path + 1, "/");
	const struct http_route *t = routes_table(&n);
	for (size_t i = 0; i < n; i++)
		if (len && strcspn(t[i].path + 1, "/") == len && strncmp(t[i].path, path, len + 1) == 0) return true;
	return false;
}

static void fallback_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	const char *path = http_req_path(req);
	if (serve(gw, req, path, "Accept-Encoding")) return;
	if (!of_routes(path) && web_index(gw, req)) return;
	http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
}

const struct http_route web_fallback = {"GET", "/", 0, 0, HTTP_OPEN, fallback_get, "The phone app"};
