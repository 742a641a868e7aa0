/* SPDX-License-Identifier: GPL-2.0 */
/* What every live patch of the tests has in common. */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

/* A patch of /proc/loadavg, which then says who patched it. */
#define PATCHED_LOADAVG(text)							\
	static int patched_loadavg(struct seq_file *m, void *v)			\
	{									\
		seq_puts(m, text "\n");						\
		return 0;							\
	}									\
	static struct klp_func loadavg[] = {					\
		{ .old_name = "loadavg_proc_show", .new_func = patched_loadavg }, { } \
	}

#define LIVE_PATCH(...)								\
	static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects, __VA_ARGS__ }; \
	static int __init enable(void) { return klp_enable_patch(&patch); }	\
	static void __exit nothing(void) { }					\
	module_init(enable);							\
	module_exit(nothing);							\
	MODULE_LICENSE("GPL");							\
	MODULE_INFO(livepatch, "Y")
