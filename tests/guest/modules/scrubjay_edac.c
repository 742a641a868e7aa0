// SPDX-License-Identifier: GPL-2.0
/*
 * Memory controllers that exist only for the kernel's EDAC core, so that everything above a driver
 * is the real thing: sysfs, counters, trace events, log lines. For throw-away guests only.
 *
 * Parameters: see below. Orders are written to /sys/kernel/debug/scrubjay_edac/order, one a write:
 *
 *	add mc=2			another controller appears
 *	remove mc=2			and goes
 *	corrected mc=0 channel=1 slot=0 count=3 page=0x1234 offset=0x40 syndrome=0xab
 *	uncorrected|deferred ...	the same; what is not given is 0, save count=1; some drivers
 *					give a count of 0
 *	corrected mc=0 channel=-1 slot=-1	reported for no DIMM
 *	corrected times=1000 every_us=500 stride=1 spread=1
 *					a storm: each page `stride' after the last, DIMMs in turn,
 *					one every 500 us
 *
 * /sys/kernel/debug/scrubjay_edac/truth holds what was ordered since the controller was added,
 * counted here and not by the core, one counter a line: "mc0 dimm1 correctable 3".
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/edac.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

/*
 * The core exports these to its drivers, yet declares them in drivers/edac/, which is not among
 * the headers. The versions in Module.symvers see to it that they fit.
 */
struct mem_ctl_info *edac_mc_alloc(unsigned int mc_num, unsigned int n_layers,
				   struct edac_mc_layer *layers, unsigned int sz_pvt);
int edac_mc_add_mc_with_groups(struct mem_ctl_info *mci, const struct attribute_group **groups);
struct mem_ctl_info *edac_mc_del_mc(struct device *dev);
void edac_mc_free(struct mem_ctl_info *mci);
void edac_mc_handle_error(const enum hw_event_mc_err_type type, struct mem_ctl_info *mci,
			  const u16 error_count, const unsigned long page_frame_number,
			  const unsigned long offset_in_page, const unsigned long syndrome,
			  const int top_layer, const int mid_layer, const int low_layer,
			  const char *msg, const char *other_detail);

#define CONTROLLERS_MAX	8
#define DIMMS_MAX	64

static unsigned int controllers = 2;
module_param(controllers, uint, 0444);
MODULE_PARM_DESC(controllers, "controllers to begin with");
static unsigned int channels = 2;
module_param(channels, uint, 0444);
static unsigned int slots = 2;
module_param(slots, uint, 0444);
static unsigned int megabytes = 16384;
module_param(megabytes, uint, 0444);
MODULE_PARM_DESC(megabytes, "size of each DIMM or rank");
static bool ranks;
module_param(ranks, bool, 0444);
MODULE_PARM_DESC(ranks, "rows and channels, as amd64_edac has, instead of channels and slots");
static bool same_name;
module_param(same_name, bool, 0444);
MODULE_PARM_DESC(same_name, "all controllers bear one name, as those of amd64_edac do");
static bool board_labels;
module_param(board_labels, bool, 0444);
MODULE_PARM_DESC(board_labels, "labels are what boards print beside their slots: CPU0_DIMM_A1");
static char *scrub = "settable";
module_param(scrub, charp, 0444);
MODULE_PARM_DESC(scrub, "settable, failing (ENODEV when read) or missing");

enum { CORRECTABLE, UNCORRECTABLE, CLASSES };
static const char *const class_names[] = { "correctable", "uncorrectable" };

static struct controller {
	struct platform_device *device;
	struct mem_ctl_info *mci;
	char name[32];
	u32 scrub_rate;
	u64 total[CLASSES], noinfo[CLASSES], dimm[DIMMS_MAX][CLASSES];
} all[CONTROLLERS_MAX];

static DEFINE_MUTEX(lock);
static struct dentry *folder;

static struct controller *controller_of(struct mem_ctl_info *mci)
{
	return *(struct controller **)mci->pvt_info;
}

/* Hardware offers steps; this one steps by 4096 bytes a second. */
static int set_scrub_rate(struct mem_ctl_info *mci, u32 rate)
{
	if (rate > 1600000000)
		return -EINVAL;
	controller_of(mci)->scrub_rate = rate & ~0xfffu;
	return controller_of(mci)->scrub_rate;
}

static int get_scrub_rate(struct mem_ctl_info *mci)
{
	return controller_of(mci)->scrub_rate;
}

static int fail_scrub_rate(struct mem_ctl_info *mci)
{
	return -ENODEV;
}

static void describe(struct controller *c, unsigned int mc)
{
	struct mem_ctl_info *mci = c->mci;
	unsigned int channel, slot;
	struct dimm_info *dimm;

	mci->pdev = &c->device->dev;
	mci->mod_name = KBUILD_MODNAME;
	mci->ctl_name = c->name;
	mci->dev_name = dev_name(&c->device->dev);
	mci->mtype_cap = MEM_FLAG_RDDR4;
	mci->edac_ctl_cap = EDAC_FLAG_SECDED;
	mci->edac_cap = EDAC_FLAG_SECDED;
	if (!strcmp(scrub, "settable")) {
		mci->set_sdram_scrub_rate = set_scrub_rate;
		mci->get_sdram_scrub_rate = get_scrub_rate;
	} else if (!strcmp(scrub, "failing")) {
		mci->get_sdram_scrub_rate = fail_scrub_rate;
	}
	mci_for_each_dimm(mci, dimm) {
		dimm->nr_pages = (u64)megabytes << (20 - PAGE_SHIFT);
		dimm->grain = 64;
		dimm->dtype = DEV_X4;
		dimm->mtype = MEM_RDDR4;
		dimm->edac_mode = EDAC_SECDED;
		channel = dimm->location[ranks ? 1 : 0];
		slot = dimm->location[ranks ? 0 : 1];
		if (board_labels)
			snprintf(dimm->label, sizeof(dimm->label), "CPU%u_DIMM_%c%u", mc,
				 'A' + channel, slot + 1);
		else
			snprintf(dimm->label, sizeof(dimm->label), "Test#%u_Channel#%u_Slot#%u",
				 mc, channel, slot);
	}
}

static int add(unsigned int mc)
{
	struct edac_mc_layer layers[2] = {
		{ .type = EDAC_MC_LAYER_CHANNEL, .size = channels },
		{ .type = EDAC_MC_LAYER_SLOT, .size = slots, .is_virt_csrow = true },
	};
	struct controller *c = &all[mc];
	int error;

	if (ranks) {
		layers[0] = (struct edac_mc_layer){ .type = EDAC_MC_LAYER_CHIP_SELECT,
						    .size = slots, .is_virt_csrow = true };
		layers[1] = (struct edac_mc_layer){ .type = EDAC_MC_LAYER_CHANNEL,
						    .size = channels };
	}
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), same_name ? "Test" : "Test Socket#%u", mc);
	c->device = platform_device_register_simple(KBUILD_MODNAME, mc, NULL, 0);
	if (IS_ERR(c->device))
		return PTR_ERR(c->device);
	c->mci = edac_mc_alloc(mc, 2, layers, sizeof(c));
	if (!c->mci) {
		error = -ENOMEM;
		goto no_mci;
	}
	*(struct controller **)c->mci->pvt_info = c;
	describe(c, mc);
	error = edac_mc_add_mc_with_groups(c->mci, NULL);
	if (!error)
		return 0;
	edac_mc_free(c->mci);
	c->mci = NULL;
no_mci:
	platform_device_unregister(c->device);
	return error;
}

static void drop(struct controller *c)
{
	if (!c->mci)
		return;
	edac_mc_del_mc(&c->device->dev);
	edac_mc_free(c->mci);
	c->mci = NULL;
	platform_device_unregister(c->device);
}

enum { MC, CHANNEL, SLOT, COUNT, PAGE, OFFSET, SYNDROME, TIMES, EVERY_US, STRIDE, SPREAD, WORDS };
static const char *const words[] = { "mc", "channel", "slot", "count", "page", "offset",
				     "syndrome", "times", "every_us", "stride", "spread" };

static int parse(char *text, s64 *values)
{
	char *word;
	int i;

	while ((word = strsep(&text, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		i = match_string(words, WORDS, word);
		if (i < 0 || kstrtoll(value, 0, &values[i]))
			return -EINVAL;
	}
	if (values[MC] < 0 || values[MC] >= CONTROLLERS_MAX)
		return -ENODEV;
	return values[COUNT] < 0 || values[COUNT] > U16_MAX ? -ERANGE : 0;
}

/* Tells the core of one error, and notes it. */
static void report(struct controller *c, enum hw_event_mc_err_type type, const s64 *v,
		   s64 page, int channel, int slot)
{
	int top = ranks ? slot : channel, middle = ranks ? channel : slot;
	int class = type == HW_EVENT_ERR_CORRECTED ? CORRECTABLE : UNCORRECTABLE;
	struct dimm_info *dimm = edac_get_dimm(c->mci, top, middle, 0);

	edac_mc_handle_error(type, c->mci, v[COUNT], page, v[OFFSET], v[SYNDROME], top, middle,
			     -1, "memory read error", "err_code:0x0101:0x0090");
	c->total[class] += v[COUNT];
	if (dimm)
		c->dimm[dimm->idx][class] += v[COUNT];
	else
		c->noinfo[class] += v[COUNT];
}

static int errors(struct controller *c, enum hw_event_mc_err_type type, const s64 *v)
{
	ktime_t begun = ktime_get();
	s64 i, early;

	if (!c->mci)
		return -ENODEV;
	for (i = 0; i < v[TIMES]; i++) {
		int channel = v[SPREAD] ? i % channels : v[CHANNEL];
		int slot = v[SPREAD] ? i / channels % slots : v[SLOT];

		report(c, type, v, v[PAGE] + i * v[STRIDE], channel, slot);
		early = (i + 1) * v[EVERY_US] - ktime_us_delta(ktime_get(), begun);
		if (early > 0)
			usleep_range(early, early + 1);
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int obey(char *text)
{
	s64 values[WORDS] = { [COUNT] = 1, [TIMES] = 1 };
	char *verb = strsep(&text, " ");
	struct controller *c;
	int error = parse(text, values);

	if (error)
		return error;
	c = &all[values[MC]];
	if (!strcmp(verb, "add"))
		return c->mci ? -EEXIST : add(values[MC]);
	if (!strcmp(verb, "remove")) {
		drop(c);
		return 0;
	}
	if (!strcmp(verb, "corrected"))
		return errors(c, HW_EVENT_ERR_CORRECTED, values);
	if (!strcmp(verb, "uncorrected"))
		return errors(c, HW_EVENT_ERR_UNCORRECTED, values);
	if (!strcmp(verb, "deferred"))
		return errors(c, HW_EVENT_ERR_DEFERRED, values);
	return -EINVAL;
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

static int truth_show(struct seq_file *out, void *unused)
{
	unsigned int mc, class;
	struct dimm_info *dimm;

	mutex_lock(&lock);
	for (mc = 0; mc < CONTROLLERS_MAX; mc++) {
		struct controller *c = &all[mc];

		if (!c->mci)
			continue;
		for (class = 0; class < CLASSES; class++) {
			seq_printf(out, "mc%u total %s %llu\n", mc, class_names[class],
				   c->total[class]);
			seq_printf(out, "mc%u noinfo %s %llu\n", mc, class_names[class],
				   c->noinfo[class]);
			mci_for_each_dimm(c->mci, dimm)
				seq_printf(out, "mc%u %s%u %s %llu\n", mc, ranks ? "rank" : "dimm",
					   dimm->idx, class_names[class],
					   c->dimm[dimm->idx][class]);
		}
	}
	mutex_unlock(&lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static void scrubjay_edac_exit(void)
{
	int i;

	debugfs_remove_recursive(folder);
	for (i = 0; i < CONTROLLERS_MAX; i++)
		drop(&all[i]);
}

static int __init scrubjay_edac_init(void)
{
	unsigned int i;
	int error;

	if (controllers > CONTROLLERS_MAX || channels * slots > DIMMS_MAX)
		return -EINVAL;
	for (i = 0; i < controllers; i++) {
		error = add(i);
		if (error) {
			scrubjay_edac_exit();
			return error;
		}
	}
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("order", 0200, folder, NULL, &order_operations);
	debugfs_create_file("truth", 0400, folder, NULL, &truth_fops);
	return 0;
}

module_init(scrubjay_edac_init);
module_exit(scrubjay_edac_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("EDAC controllers for tests in a guest");
