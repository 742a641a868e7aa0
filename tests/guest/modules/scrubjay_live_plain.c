// SPDX-License-Identifier: GPL-2.0
/* A live patch of one function of the kernel itself. */
#include "scrubjay_live.h"

PATCHED_LOADAVG("plain");
static struct klp_object objects[] = { { .funcs = loadavg }, { } };
LIVE_PATCH();
