// SPDX-License-Identifier: GPL-2.0
/* A live patch of the function in which a reader of scrubjay_target/hold sleeps. */
#include "scrubjay_live.h"

static int patched_hold(void) { return 3; }
static struct klp_func hold[] = {
	{ .old_name = "scrubjay_target_hold", .new_func = patched_hold }, { }
};
static struct klp_object objects[] = { { .name = "scrubjay_target", .funcs = hold }, { } };
LIVE_PATCH();
