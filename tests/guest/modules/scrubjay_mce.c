// SPDX-License-Identifier: GPL-2.0
/*
 * Writes an error into the registers of a machine-check bank, where the kernel's poller finds it as
 * it would one that the processor put there. For throw-away guests only.
 *
 * Orders are written to /sys/kernel/debug/scrubjay_mce/order, one a write:
 *
 *	cpu=0 bank=7 status=0x8c00004000010090 address=0x35000000 misc=0x8c
 *
 * The registers are those that Intel and AMD had before SMCA; QEMU's processors have no others.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/msr.h>

static DEFINE_MUTEX(lock);
static struct dentry *folder;

enum { CPU, BANK, STATUS, ADDRESS, MISC, WORDS };
static const char *const words[] = { "cpu", "bank", "status", "address", "misc" };

static int obey(char *text)
{
	u64 values[WORDS] = { 0 };
	char *word;
	int i, error;

	while ((word = strsep(&text, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		i = match_string(words, WORDS, word);
		if (i < 0 || kstrtoull(value, 0, &values[i]))
			return -EINVAL;
	}
	/* The status comes last: it makes the rest valid. */
	error = wrmsrl_safe_on_cpu(values[CPU], MSR_IA32_MCx_ADDR(values[BANK]), values[ADDRESS]);
	error = error ?: wrmsrl_safe_on_cpu(values[CPU], MSR_IA32_MCx_MISC(values[BANK]),
					    values[MISC]);
	return error ?: wrmsrl_safe_on_cpu(values[CPU], MSR_IA32_MCx_STATUS(values[BANK]),
					   values[STATUS]);
}

static ssize_t order(struct file *file, const char __user *buffer, size_t length, loff_t *offset)
{
	char text[200];
	int error;

	if (length >= sizeof(text))
		return -E2BIG;
	if (copy_from_user(text, buffer, length))
		return -EFAULT;
	text[length] = '\0';
	mutex_lock(&lock);
	error = obey(strim(text));
	mutex_unlock(&lock);
	return error ? error : length;
}

static const struct file_operations order_operations = { .owner = THIS_MODULE, .write = order };

static int __init scrubjay_mce_init(void)
{
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("order", 0200, folder, NULL, &order_operations);
	return 0;
}

static void __exit scrubjay_mce_exit(void)
{
	debugfs_remove_recursive(folder);
}

module_init(scrubjay_mce_init);
module_exit(scrubjay_mce_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("errors in machine-check banks for tests in a guest");
