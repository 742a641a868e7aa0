// SPDX-License-Identifier: GPL-2.0
/* A live patch on top of another, which also waits for a module that may not be loaded. */
#include "scrubjay_live.h"

PATCHED_LOADAVG("stacked");
static int patched_name(void) { return 2; }
static struct klp_func name[] = {
	{ .old_name = "scrubjay_target_name", .new_func = patched_name }, { }
};
static struct klp_object objects[] = {
	{ .funcs = loadavg }, { .name = "scrubjay_target", .funcs = name }, { }
};
LIVE_PATCH();
