/* The .info of an upload: JSON, sealed and bound to the upload's id, replaced as a whole. See internal.h. */
#include "shared/blob/internal.h"

#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX 8192
#define AAD_MAX    64

static size_t aad_of(const char *id, char out[AAD_MAX])
{
	int n = snprintf(out, AAD_MAX, "info|%.32s", id);
	return n < 0 ? 0 : (size_t)n;
}

static json_t *to_json(const struct upload_info *i)
{
	char declared[TEXT_HEX_LEN(DIGEST_LEN)] = "", whole[TEXT_HEX_LEN(DIGEST_LEN)] = "";
	if (i->meta.declared) text_hex(i->meta.sha256, DIGEST_LEN, declared);
	if (i->complete) text_hex(i->sha256, DIGEST_LEN, whole);
	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "owner", i->owner, "length",
	                 (json_int_t)i->length, "created", (json_int_t)i->created, "expires", (json_int_t)i->expires,
	                 "filename", i->meta.filename, "filetype", i->meta.filetype, "case_id", i->meta.case_id,
	                 "material", i->meta.material, "raw", i->meta.raw, "declared", declared, "sha256", whole);
}

int blob_record_write(struct blob_store *s, const struct upload_info *info, bool replace, struct err *e)
{
	char path[FILE_PATH_MAX], aad[AAD_MAX];
	uint8_t sealed[RECORD_MAX + SEAL_OVERHEAD];
	struct buf b;
	size_t n = aad_of(info->id, aad);
	json_t *o = to_json(info);
	struct seal *seal = seal_new(s->record_key);
	buf_init(&b, RECORD_MAX);
	if (o) canon_compact(o, &b);
	int rc = o && seal && !b.bad ? ERR_OK : err_set(e, ERR_NOMEM, "an upload's record");
	if (!rc && seal_close(seal, aad, n, b.data, b.len, sealed)) rc = err_set(e, ERR_IO, "AES-GCM failed");
	blob_upload_path(s, info->id, "info", path);
	if (!rc) rc = file_write(path, sealed, b.len + SEAL_OVERHEAD, BLOB_FILE_MODE, replace, e);
	buf_release(&b);
	seal_free(seal);
	json_decref(o);
	return rc;
}

static void take(const json_t *o, const char *name, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s", fields_text(o, name));
}

static void from_json(const json_t *o, struct upload_info *i)
{
	take(o, "owner", i->owner, sizeof i->owner);
	i->length = fields_int(o, "length", -1);
	i->created = fields_int(o, "created", 0);
	i->expires = fields_int(o, "expires", 0);
	take(o, "filename", i->meta.filename, sizeof i->meta.filename);
	take(o, "filetype", i->meta.filetype, sizeof i->meta.filetype);
	take(o, "case_id", i->meta.case_id, sizeof i->meta.case_id);
	take(o, "material", i->meta.material, sizeof i->meta.material);
	take(o, "raw", i->meta.raw, sizeof i->meta.raw);
	i->meta.declared = text_unhex(fields_text(o, "declared"), i->meta.sha256, DIGEST_LEN);
	i->complete = text_unhex(fields_text(o, "sha256"), i->sha256, DIGEST_LEN);
}

int blob_record_read(struct blob_store *s, const char *id, struct upload_info *out, struct err *e)
{
	char path[FILE_PATH_MAX], aad[AAD_MAX], plain[RECORD_MAX];
	uint8_t sealed[RECORD_MAX + SEAL_OVERHEAD + 1];
	json_t *o = NULL;
	size_t len = 0, n = aad_of(id, aad);
	struct upload_info named = {.length = -1}; /* ID may be OUT's own */
	(void)snprintf(named.id, sizeof named.id, "%s", id);
	*out = named;
	blob_upload_path(s, out->id, "info", path);
	int rc = file_load(path, false, sealed, sizeof sealed, &len, e);
	if (rc) return rc;
	struct seal *seal = seal_new(s->record_key);
	if (!seal) return err_set(e, ERR_NOMEM, "an upload's record");
	if (seal_open(seal, aad, n, sealed, len, plain))
		rc = err_set(e, ERR_CORRUPT, "an upload's record does not open");
	seal_free(seal);
	if (!rc) rc = json_parse_strict(plain, len - SEAL_OVERHEAD, LIMIT_DEPTH, &o, e);
	if (!rc) from_json(o, out);
	json_decref(o);
	return rc;
}
