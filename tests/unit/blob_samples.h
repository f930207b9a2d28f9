/* Small files of each kind, made by hand: just what a reader of the format must find. */
#ifndef XINKE_TESTS_UNIT_BLOB_SAMPLES_H
#define XINKE_TESTS_UNIT_BLOB_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct blob_sample {
	const char *name;
	const uint8_t *data;
	size_t len;
};

#define BLOB_SAMPLES 5
/* JPEG, PNG, WebP, HEIC, PDF, in the order of enum sniff_media from SNIFF_JPEG on. */
extern const struct blob_sample blob_samples[BLOB_SAMPLES];
/* New PDF of exactly LEN bytes (40 at least) whose middle depends on SEED (free). */
uint8_t *blob_sample_pdf(size_t len, unsigned seed);

#endif
