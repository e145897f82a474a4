// SPDX-License-Identifier: GPL-2.0
/* See helpers.h. */
#include <linux/string.h>
#include <crypto/sha1.h>
#include "helpers.h"

void carp_hmac_sha1_update(struct hmac_sha1_ctx *ctx, const u8 *data, size_t len)
{
	hmac_sha1_update(ctx, data, len);
}

void carp_memzero_explicit(void *s, size_t count)
{
	memzero_explicit(s, count);
}
