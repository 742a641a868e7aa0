// SPDX-License-Identifier: GPL-2.0
/*
 * Functions to be live patched. Whoever reads /sys/kernel/debug/scrubjay_target/hold sleeps in one
 * of them until something is written to it, so that the transition of a patch to that function
 * has to wait.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static DECLARE_COMPLETION(released);
static struct dentry *folder;

int scrubjay_target_name(void);
noinline int scrubjay_target_name(void)
{
	return 1;
}

int scrubjay_target_hold(void);
noinline int scrubjay_target_hold(void)
{
	wait_for_completion(&released);
	/* Something to do afterwards, so that the call above is no tail call: the sleeper would
	 * not be seen in this function.
	 */
	return completion_done(&released) ? 0 : 1;
}

static ssize_t hold(struct file *file, char __user *buffer, size_t length, loff_t *offset)
{
	char text[16];

	return *offset ? 0 : simple_read_from_buffer(buffer, length, offset, text,
		scnprintf(text, sizeof(text), "%d\n", scrubjay_target_hold()));
}

static ssize_t release(struct file *file, const char __user *buffer, size_t length, loff_t *offset)
{
	complete(&released);
	return length;
}

static const struct file_operations hold_operations = {
	.owner = THIS_MODULE, .read = hold, .write = release
};

static int name_show(struct seq_file *out, void *unused)
{
	seq_printf(out, "%d\n", scrubjay_target_name());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(name);

static int __init scrubjay_target_init(void)
{
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("hold", 0600, folder, NULL, &hold_operations);
	debugfs_create_file("name", 0400, folder, NULL, &name_fops);
	return 0;
}

static void __exit scrubjay_target_exit(void)
{
	debugfs_remove_recursive(folder);
}

module_init(scrubjay_target_init);
module_exit(scrubjay_target_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("functions for live patches of the guest tests");
