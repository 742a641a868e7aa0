// SPDX-License-Identifier: GPL-2.0
/* A cumulative live patch: it takes the place of every earlier one. */
#include "scrubjay_live.h"

PATCHED_LOADAVG("replace");
static struct klp_object objects[] = { { .funcs = loadavg }, { } };
LIVE_PATCH(.replace = true);
