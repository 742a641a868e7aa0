//! Whole pages, as the on-call engineer sees them.

use super::*;
use crate::testing;

const PLAIN: Style = Style { colour: false, all: false };

#[test]
fn a_guest_without_edac() {
    insta::assert_snapshot!(status(&testing::guest(), &PLAIN), @r#"
    scrubjay: UNKNOWN — no memory error of this host can be seen

    cannot see:
      corrected errors cannot be seen; only some uncorrected errors are seen
      ?  UNKNOWN  host  (no-edac-in-guest)
         because      this is a virtual machine, and its kernel has no EDAC core;
                      the memory is the hypervisor's, and so are its errors
         evidence     sys/devices/system/edac
         do           fix visibility: run scrubjay on the hypervisor
         a reboot     does not help

    findings:
      none in what was seen

    memory errors:
      counters     not offered (sys/devices/system/edac/mc)
      lost pages   no memory is marked as bad because of errors (0 B)
                   by node: not offered
                   (sys/devices/system/node/node0/memory_failure)
      mce          not offered (sys/devices/system/machinecheck)

    kernel:
      kernel       6.12.0-13-amd64, running
                   #1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)
      modules      not supported by this kernel
      installed    not offered (var/lib/dpkg/status)
      next boot    not offered (boot/vmlinuz-*)
      patches      unknown: neither a package manager nor a kernel image was found
      CVEs         not offered (the running and the newest installed kernel)
      a reboot     it cannot be told which kernel it brings
      tainted      no (0)
      oopses       0 since boot
      warnings     0 since boot
      live patch   not offered (sys/kernel/livepatch)
      reboot mark  none left by the distribution; some leave none
      cpu flaws    not offered (sys/devices/system/cpu/vulnerabilities)
      microcode    not offered (proc/cpuinfo flags hypervisor)
      crash dump   no crash kernel is loaded: a panic leaves no dump; reserved
                   unreadable: permission denied (sys/kernel/kexec_crash_size)
      kexec        no kernel is loaded
      lockdown     not offered (sys/kernel/security/lockdown)
      kernel log   not offered (dev/kmsg)

    user space:
      old code     no process runs deleted or replaced files (120 processes)

    host, read 2026-11-24T06:02:00Z:
      host         guest
      system       Debian GNU/Linux 12 (bookworm)
      cpu          Imaginary CPU @ 2.10GHz
      memory       128 GiB
      platform     maker not offered (sys/class/dmi/id/sys_vendor)
                   virtual machine (CPU flag "hypervisor")
      uptime       4 h 2 min
      booted       2026-11-24T02:00:00Z (4 h 2 min ago)
      boot id      5a6b7c8d-1234-5678-9abc-def012345678
      before boot  not offered (sys/firmware/acpi/tables/BERT)
      history      none: not offered (var/lib/scrubjay/history.db)
      agent        not asked
    "#);
}

#[test]
fn a_server_with_errors_and_a_stalled_live_patch() {
    insta::assert_snapshot!(status(&testing::server(), &PLAIN), @r#"
    scrubjay: ACT (1 acknowledged) — skylake-socket-0-imc-0/dimm1: 3 uncorrected er…

    cannot see:
      only some corrected errors are seen; all uncorrected errors are seen
      ?  UNKNOWN  host  (firmware-first)
         because      the firmware has a HEST table and may handle corrected errors
                      itself
         evidence     sys/firmware/acpi/tables/HEST
         do           fix visibility: switch firmware-first handling off in the
                      firmware's setup
         a reboot     cannot be told whether it helps

    findings:
      !! ACT  skylake-socket-0-imc-0/dimm1  (memory-uncorrected)
         because      3 uncorrected errors were counted in 36 d of watching; the
                      limit is 0
         evidence     sys/devices/system/edac/mc/mc0/dimm1/dimm_ue_count
         do           investigate channel or CPU: move the DIMM to another slot at
                      the next window and see whether the errors move with it
         a reboot     does not help
      !  PLAN  host  (kernel-behind)
         because      6.12.0-13 runs, 6.12.0-14 is installed since 9 d; it fixes 2
                      vulnerabilities that are not fixed now
         evidence     package linux-image-6.12.0-14-amd64
         do           reboot into newer kernel: reboot into 6.12.0-14-amd64
                      (6.12.0-14) at the next window
         a reboot     helps
         known        acknowledged by ann on 2026-11-24T05:32:00Z until
                      2026-11-25T17:32:00Z, up to plan: window on Sunday
      ~  WATCH  kpatch_2026_11  (livepatch-stalled)
         because      the transition of kpatch_2026_11 has waited for 2 tasks for 4
                      h 2 min
         evidence     sys/kernel/livepatch/kpatch_2026_11/transition
         do           let the tasks leave the kernel, or send them a signal they
                      ignore
         a reboot     helps

    alerts:
      2 firing, 1 of them acknowledged; 1 pending, 1 resolved lately
      held         corrected-errors:mc9/dimm0 fires since 2026-11-24T05:02:00Z (1 h
                   ago): the source edac is unreadable: it did not answer in time
      resolved     microcode-mixed:host 2026-11-24T05:52:00Z (10 min ago)

    memory errors:
      skylake-socket-0-imc-0
        edac         mc0, name "Skylake Socket#0 IMC#0", size 64 GiB, layout dimm,
                     scrub rate 12.2 MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. ≥ marks lower bounds: the counters
                     began anew 2 times. Last zeroed: 2026-10-19T02:02:00Z (36 d 4 h
                     ago)
        id                             label                  size       CE   UE
        skylake-socket-0-imc-0/dimm0   CPU0_MC0_Chan0_DIMM#0  32 GiB    ≥ 0  ≥ 0
        skylake-socket-0-imc-0/dimm1   CPU0_MC0_Chan0_DIMM#1  32 GiB  ≥ 123  ≥ 9
        skylake-socket-0-imc-0/noinfo  (no DIMM known)                  ≥ 3  ≥ 0
        skylake-socket-0-imc-0/total   (controller)                   ≥ 126  ≥ 9
      skylake-socket-0-imc-1
        edac         mc1, name "Skylake Socket#0 IMC#1", size 64 GiB, layout dimm,
                     scrub rate 12.2 MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. ≥ marks lower bounds: the counters
                     began anew 2 times. Last zeroed: 2026-10-19T02:02:00Z (36 d 4 h
                     ago)
        id                             label                  size     CE   UE
        skylake-socket-0-imc-1/dimm0   CPU0_MC1_Chan0_DIMM#0  32 GiB  ≥ 0  ≥ 0
        skylake-socket-0-imc-1/dimm1   CPU0_MC1_Chan0_DIMM#1  32 GiB  ≥ 0  ≥ 0
        skylake-socket-0-imc-1/noinfo  (no DIMM known)                ≥ 0  ≥ 0
        skylake-socket-0-imc-1/total   (controller)                   ≥ 0  ≥ 0
      scrubbing    cxl_mem0: scrub0 in the background on, a full pass takes 12 h;
                   ecs_fru0 counts code words, and reports from 256 errors per Gbit
                   on; mem_repair0 offers ppr
      cxl memory   mem0: 256 GiB volatile, 0 B persistent, node 1, firmware 1.4.2
      lost pages   12 KiB are marked as bad because of errors
                   memory_failure() on node0: 3 total, 1 failed, 2 recovered
      mce          polled at least every 300 s
                   cmci_disabled is set

    kernel:
      kernel       6.12.0-13-amd64, running
                   #1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)
      modules      directory present
      installed    linux-image-6.12.0-13-amd64 6.12.0-13
                   linux-image-6.12.0-14-amd64 6.12.0-14
      next boot    6.12.0-14-amd64 (grub: Debian GNU/Linux)
      patches      behind: 6.12.0-13 runs, 6.12.0-14 is installed
                   installed 2026-11-15T06:02:00Z (9 d ago)
      CVEs         2 fixed on disk and not running
                   the oldest fix was released 12 d ago, installed 9 d ago
      a reboot     brings the newest kernel
      tainted      M: machine check was reported; O: out-of-tree module was loaded;
                   E: unsigned module was loaded; K: kernel was live patched;
                   bit_40: not known to this version of scrubjay (1099511672848)
      oopses       0 since boot
      warnings     2 since boot
      origin       kpatch_2026_10: a leftover, loaded and not in force; no file of
                   this module is on disk; the kernel knew no signature of it (taint
                   E); build id 33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297; 24 KiB
      origin       kpatch_2026_11: the code of
                   usr/lib/kpatch/6.1.0-56-amd64/kpatch-2026-11.ko, which is signed
                   by "Example live patch\u{a}signing key" (serial 7a5b, sha256,
                   rsaEncryption); of package kpatch-patch-6_1_0 1-2.el9 (rpm), as
                   installed; build id 33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297; 24
                   KiB
                   modules without a signature that the kernel knows are accepted
      live patch   kpatch_2026_11: enabled, in transition for 4 h 1 min: not every
                   task runs it yet, 3 functions in 2 objects (not patched: nfsd),
                   replaces all others, stack order 1, module taint OEK
                   the transition waits for 2 tasks:
                   - pid 812 "kworker/u8:1" runs the old code
                   - pid 4711 thread 4713 "evil\u{1b}[2J\u{a}name" runs the old code
                   kpatch_2026_11: forced 1 min 25 s after boot
      patching     kpatch: STALLED in transition, not in force
                   installed for the next boot as well
      patching     kGraft: loaded and in force; what that fixes is not known
                   support until 2026-12-13, 19 days left
                   (var/lib/lifecycle/data/sle-live-patching.lifecycle:7:
                   kgraft-patch-6_12_0-13-amd64,*)
      covers       not known: nothing here lists what the patches fix
      left over    1 module of replaced patches still loaded, doing nothing until
                   the next boot: kpatch_2026_09
      reboot mark  run/reboot-required is there, because of 2 packages:
                   linux-image-amd64 libc6
      cpu flaws    1 not affected, 1 mitigated, 1 vulnerable
                   - srbds: Vulnerable: No microcode
      microcode    0x2b000639 on 64 CPUs (06-8f-08)
                   on disk: 0x2b000650 of 2025-05-29 in
                   lib/firmware/intel-ucode/06-8f-08
                   the next boot: loads it, from boot/initrd.img-6.12.0-13-amd64
      crash dump   a crash kernel is loaded; reserved 256 MiB
      kexec        no kernel is loaded
      lockdown     integrity
      kernel log   1202 records, the oldest from 1 min 20 s after boot, 7 lost
                   3 corrected errors by EDAC, 1 storm of machine checks

    user space:
      old code     deleted or replaced files run in 5 of 120 processes
                   - message bus: dbus.service (pid 900)
                   - services: nginx.service (2 processes, the program itself)
                   - containers and other roots: docker-5a6b.scope (pid 5000)
                   - others: evil\u{1b}[2J\u{a}name (pid 4711)

    host, read 2026-11-24T06:02:00Z:
      host         db1
      system       Debian GNU/Linux 12 (bookworm)
      cpu          Imaginary CPU @ 2.10GHz
      memory       128 GiB
      platform     Imaginary Inc. Server 9000, firmware 1.2.3
      uptime       36 d 4 h
      booted       2026-10-19T02:01:00Z (36 d 4 h ago)
      boot id      5a6b7c8d-1234-5678-9abc-def012345678
      before boot  firmware: 1 record: fatal (cxl_dram), marked as read
                   pstore: 2 crash records, the latest of 2026-10-15T06:02:00Z (40 d
                   ago), and 3 not looked at
                   moved away: no crash record
                   watchdog0 (iTCO_wdt): the last reset: the watchdog ran out
      history      since 2025-10-20T06:02:00Z (400 d ago)
                   watched for at least 390 d of that, without a gap for at least 36
                   d 3 h
                   boots: 1 running, 2 clean, 1 unclean; 1 clock step
                   /var/lib/scrubjay/history.db
                   ledger: 1203 rows, the last is a7a7a7a7a7a7…
      reboot asked since 2026-11-15T06:02:00Z (9 d ago): kernel-behind
      agent        running since 2026-10-19T06:02:00Z (36 d ago)
                   103680 passes, one every 30 s, 3 late; the last took 12 ms
                   resident memory 9 MiB, CPU time 1 min 33 s
                   capabilities: CAP_SYSLOG; files: not kept to its own: the kernel
                   has none
                   reports of errors by 2 trace events
                   12 reports since its start, of which 2 had waited for it
      ! alertmanager:am1:9093 cannot be told: it answered 503; 2 notices wait
      ! 1 notice was given up for alertmanager:am1:9093; the ledger has why
                   history file 1.1 MiB of 64 MiB at most, 420 writes, 1 failed
                   changes before 2023-11-14T22:13:20Z are kept as sums of an hour
    "#);
}

#[test]
fn a_kernel_that_contradicts_itself() {
    insta::assert_snapshot!(status(&testing::contradictory(), &PLAIN), @r#"
    scrubjay: OK — all that was asked was seen, and nothing calls for action

    cannot see:
      nothing is known to hide memory errors of this host

    findings:
      none in what was seen

    alerts:
      2 firing, 1 of them acknowledged; 1 pending, 1 resolved lately
      held         corrected-errors:mc9/dimm0 fires since 2026-11-24T05:02:00Z (1 h
                   ago): the source edac is unreadable: it did not answer in time
      firing       kernel-behind:host since 2026-11-24T04:02:00Z (2 h ago), not
                   found now
      resolved     microcode-mixed:host 2026-11-24T05:52:00Z (10 min ago)
      known        kernel-behind:host: acknowledged by ann on 2026-11-24T05:32:00Z
                   until 2026-11-25T17:32:00Z, up to plan: window on Sunday

    memory errors:
      i7core
        edac         mc0, name "i7core", size 64 GiB, layout csrow, scrub rate 12.2
                     MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. Last zeroed: 2026-10-19T02:02:00Z
                     (36 d 4 h ago)
        id                 label                      size    CE  UE
        i7core/csrow0/ch0  mc#0csrow#0channel#0       32 GiB   0   0
        i7core/csrow0/ch1  mc#0csrow#0channel#1       32 GiB   0   4
        i7core/csrow0      (kernel's row total, now)           3   4
        i7core/noinfo      (no DIMM known)                     2   1
        i7core/total       (controller)                        1   5
        ! the kernel contradicts itself: mc0: ce_count 1, but its parts sum to 0 + 2
          unattributed
        ! the kernel contradicts itself: mc0/csrow0: ce_count 3, but its channels
          sum to 0
      old
        edac         mc1, name "old", size 64 GiB, layout csrow, scrub rate not
                     offered (sys/devices/system/edac/mc/mc1/sdram_scrub_rate)
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. Last zeroed: malformed: expected a
                     number, found "banana\u{1b}[2J"
                     (sys/devices/system/edac/mc/mc1/seconds_since_reset)
        id              label            size               CE           UE
        old/csrow0/ch1  (empty)          malformed  unreadable  not offered
        old/noinfo      (no DIMM known)                      0            0
        old/total       (controller)                         9            0
        ! malformed: expected a number, found "banana\u{1b}[2J"
          (sys/devices/system/edac/mc/mc1/csrow0/size_mb)
        ! unreadable: permission denied
          (sys/devices/system/edac/mc/mc1/csrow0/ch1_ce_count)
        ! errors arrived while this was read; its sums were not checked
      whole
        edac         mc2, name "whole", size 64 GiB, layout controller, scrub rate
                     12.2 MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. Last zeroed: 2026-10-19T02:02:00Z
                     (36 d 4 h ago)
        id           label         size  CE  UE
        whole/total  (controller)         7   1
        this driver attributes errors to no DIMM
      scrubbing    cxl_mem0: scrub0 in the background on, a full pass takes 12 h;
                   ecs_fru0 counts code words, and reports from 256 errors per Gbit
                   on; mem_repair0 offers ppr
      cxl memory   mem0: 256 GiB volatile, 0 B persistent, node 1, firmware 1.4.2
      lost pages   12 KiB are marked as bad because of errors
                   memory_failure() on node0: 3 total, 1 failed, 2 recovered
      mce          polled at least every 300 s
                   cmci_disabled is set

    kernel:
      kernel       6.12.0-13-amd64, running
                   #1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)
      modules      directory present
      installed    linux-image-6.12.0-13-amd64 6.12.0-13
                   linux-image-6.12.0-14-amd64 6.12.0-14
      next boot    6.12.0-14-amd64 (grub: Debian GNU/Linux)
      tainted      M: machine check was reported; O: out-of-tree module was loaded;
                   E: unsigned module was loaded; K: kernel was live patched;
                   bit_40: not known to this version of scrubjay (1099511672848)
      oopses       0 since boot
      warnings     2 since boot
      origin       kpatch_2026_10: a leftover, loaded and not in force; no file of
                   this module is on disk; the kernel knew no signature of it (taint
                   E); build id 33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297; 24 KiB
      origin       kpatch_2026_11: the code of
                   usr/lib/kpatch/6.1.0-56-amd64/kpatch-2026-11.ko, which is signed
                   by "Example live patch\u{a}signing key" (serial 7a5b, sha256,
                   rsaEncryption); of package kpatch-patch-6_1_0 1-2.el9 (rpm), as
                   installed; build id 33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297; 24
                   KiB
                   modules without a signature that the kernel knows are accepted
      live patch   kpatch_2026_11: enabled, in transition for 4 h 1 min: not every
                   task runs it yet, 3 functions in 2 objects (not patched: nfsd),
                   replaces all others, stack order 1, module taint OEK
                   the transition waits for 2 tasks:
                   - pid 812 "kworker/u8:1" runs the old code
                   - pid 4711 thread 4713 "evil\u{1b}[2J\u{a}name" runs the old code
                   kpatch_2026_11: forced 1 min 25 s after boot
      patching     kpatch: STALLED in transition, not in force
                   installed for the next boot as well
      patching     kGraft: loaded and in force; what that fixes is not known
                   support until 2026-12-13, 19 days left
                   (var/lib/lifecycle/data/sle-live-patching.lifecycle:7:
                   kgraft-patch-6_12_0-13-amd64,*)
      covers       not known: nothing here lists what the patches fix
      left over    1 module of replaced patches still loaded, doing nothing until
                   the next boot: kpatch_2026_09
      reboot mark  run/reboot-required is there, because of 2 packages:
                   linux-image-amd64 libc6
      cpu flaws    1 not affected, 1 mitigated, 1 vulnerable
                   - srbds: Vulnerable: No microcode
      microcode    0x2b000639 on 64 CPUs (06-8f-08)
                   on disk: 0x2b000650 of 2025-05-29 in
                   lib/firmware/intel-ucode/06-8f-08
                   the next boot: loads it, from boot/initrd.img-6.12.0-13-amd64
      crash dump   a crash kernel is loaded; reserved 256 MiB
      kexec        no kernel is loaded
      lockdown     integrity
      kernel log   1202 records, the oldest from 1 min 20 s after boot, 7 lost
                   3 corrected errors by EDAC, 1 storm of machine checks

    user space:
      old code     deleted or replaced files run in 5 of 120 processes
                   - message bus: dbus.service (pid 900)
                   - services: nginx.service (2 processes, the program itself)
                   - containers and other roots: docker-5a6b.scope (pid 5000)
                   - others: evil\u{1b}[2J\u{a}name (pid 4711)

    host, read 2026-11-24T06:02:00Z:
      host         db1
      system       Debian GNU/Linux 12 (bookworm)
      cpu          Imaginary CPU @ 2.10GHz
      memory       128 GiB
      platform     Imaginary Inc. Server 9000, firmware 1.2.3
      uptime       36 d 4 h
      booted       2026-10-19T02:01:00Z (36 d 4 h ago)
      boot id      5a6b7c8d-1234-5678-9abc-def012345678
      before boot  firmware: 1 record: fatal (cxl_dram), marked as read
                   pstore: 2 crash records, the latest of 2026-10-15T06:02:00Z (40 d
                   ago), and 3 not looked at
                   moved away: no crash record
                   watchdog0 (iTCO_wdt): the last reset: the watchdog ran out
      history      since 2025-10-20T06:02:00Z (400 d ago)
                   watched for at least 390 d of that, without a gap for at least 36
                   d 3 h
                   boots: 1 running, 2 clean, 1 unclean; 1 clock step
                   /var/lib/scrubjay/history.db
                   ledger: 1203 rows, the last is a7a7a7a7a7a7…
      reboot asked since 2026-11-15T06:02:00Z (9 d ago): kernel-behind
      agent        running since 2026-10-19T06:02:00Z (36 d ago)
                   103680 passes, one every 30 s, 3 late; the last took 12 ms
                   resident memory 9 MiB, CPU time 1 min 33 s
                   capabilities: CAP_SYSLOG; files: not kept to its own: the kernel
                   has none
                   reports of errors by 2 trace events
                   12 reports since its start, of which 2 had waited for it
      ! alertmanager:am1:9093 cannot be told: it answered 503; 2 notices wait
      ! 1 notice was given up for alertmanager:am1:9093; the ledger has why
                   history file 1.1 MiB of 64 MiB at most, 420 writes, 1 failed
                   changes before 2023-11-14T22:13:20Z are kept as sums of an hour
    "#);
}

#[test]
fn nothing_can_be_read() {
    insta::assert_snapshot!(status(&testing::blind(), &PLAIN), @r#"
    scrubjay: OK — all that was asked was seen, and nothing calls for action

    cannot see:
      nothing is known to hide memory errors of this host

    findings:
      none in what was seen

    memory errors:
      mc0
        edac         mc0, name "", size 64 GiB, layout dimm, scrub rate unreadable:
                     permission denied (sdram_scrub_rate)
        counts       kept since 1970-01-01T00:00:00Z (20781 d 6 h ago), with what
                     the kernel had counted before. ≥ marks lower bounds: the
                     counters began anew 7 times. Last zeroed: not offered
                     (seconds_since_reset)
        id          label               size               CE         UE
        mc0/dimm0   (channel 0 slot 0)  malformed  unreadable  malformed
        mc0/noinfo  (no DIMM known)                unreadable  malformed
        mc0/total   (controller)                   unreadable  malformed
        ! malformed: expected a number, found "banana\u{1b}[2J" (size)
        ! unreadable: permission denied (ce)
        ! malformed: expected a number, found "banana\u{1b}[2J" (ue)
      lost pages   malformed: expected a number, found "banana\u{1b}[2J"
                   (proc/meminfo)
                   memory_failure_recovery malformed: expected a number, found
                   "banana\u{1b}[2J" (proc/sys/vm/memory_failure_recovery)
                   enable_soft_offline unreadable: permission denied
                   (proc/sys/vm/enable_soft_offline)
                   by node: unreadable: permission denied (node)
      mce          malformed: expected a number, found "banana\u{1b}[2J"
                   (check_interval)
                   ignore_ce unreadable: permission denied (ignore_ce)
                   dont_log_ce not offered (dont_log_ce)
                   cmci_disabled not offered (cmci_disabled)

    kernel:
      kernel       unreadable: permission denied (osrelease)
                   unreadable: permission denied (version)
      modules      unreadable: permission denied (proc/modules)
      installed    unreadable: permission denied (packages)
      next boot    unreadable: permission denied (boot_images)
      patches      unknown: the running kernel's release could not be read
      CVEs         not offered (the running and the newest installed kernel)
      a reboot     it cannot be told which kernel it brings
      tainted      malformed: expected a number, found "banana\u{1b}[2J" (tainted)
      oopses       not offered (oops_count)
      warnings     unreadable: permission denied (warn_count)
      origin       unreadable: permission denied (livepatch_modules)
      live patch   p: unreadable: permission denied (enabled), transition malformed:
                   expected a number, found "banana\u{1b}[2J" (transition), objects
                   unreadable: permission denied (objects), replaces all others,
                   stack order 1, module taint OEK
                   tasks the transition waits for: unreadable: permission denied
                   (proc/1/patch_state)
      patching     unreadable: permission denied (livepatch_systems)
      patching     a vendor not recognised: not known: what would tell could not be
                   read
                   whether the next boot loads it again is not known
      covers       not known: nothing here lists what the patches fix
      reboot mark  unreadable: permission denied (run/reboot-required); malformed:
                   expected a number, found "banana\u{1b}[2J" (run/reboot-needed)
      cpu flaws    1 could not be read
                   - meltdown: malformed: expected a number, found "banana\u{1b}[2J"
                   (meltdown)
      microcode    unreadable: permission denied (version)
                   on disk: malformed: expected a number, found "banana\u{1b}[2J"
                   (06-8f-08)
      crash dump   malformed: expected a number, found "banana\u{1b}[2J"
                   (kexec_crash_loaded); reserved not offered (kexec_crash_size)
      kexec        unreadable: permission denied (kexec_loaded)
      lockdown     unreadable: permission denied (lockdown)
      kernel log   unreadable: permission denied (dev/kmsg)

    user space:
      old code     deleted or replaced files run in 5 of 13 processes
                   - message bus: dbus.service (pid 900)
                   - services: nginx.service (2 processes, the program itself)
                   - containers and other roots: docker-5a6b.scope (pid 5000)
                   - others: evil\u{1b}[2J\u{a}name (pid 4711)
                   107 processes may not be looked at
                   not all processes of the host are seen

    host, read 2026-11-24T06:02:00Z:
      host         blind
      system       Debian GNU/Linux 12 (bookworm)
      cpu          Imaginary CPU @ 2.10GHz
      memory       128 GiB
      platform     not offered (platform)
      uptime       malformed: expected a number, found "banana\u{1b}[2J"
                   (proc/uptime); time asleep not offered (clock_gettime)
      booted       not offered (proc/stat)
      boot id      unreadable: permission denied (boot_id)
      before boot  firmware: malformed: expected a number, found "banana\u{1b}[2J"
                   (BERT)
                   pstore: unreadable: permission denied (sys/fs/pstore)
                   moved away: unreadable: permission denied
                   (var/lib/systemd/pstore)
                   watchdog1: malformed: expected a number, found "banana\u{1b}[2J"
                   (bootstatus)
      history      none: unreadable: permission denied (history.db)
      agent        not asked
    "#);
}

#[test]
fn a_large_host_lists_only_dimms_with_errors() {
    let view = testing::large();
    let page = status(&view, &PLAIN);
    let errors: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "memory errors:")
        .take_while(|line| !line.is_empty())
        .collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    memory errors:
      mc-7
        edac         mc7, name "MC 7", size 64 GiB, layout dimm, scrub rate 12.2
                     MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. Last zeroed: 2026-10-19T02:02:00Z
                     (36 d 4 h ago)
        id           label            size    CE  UE
        mc-7/dimm0   S7D0             32 GiB   0   1
        mc-7/dimm31  S7D31            32 GiB   5   0
        mc-7/noinfo  (no DIMM known)           0   0
        mc-7/total   (controller)              5   1
      mc-63
        edac         mc63, name "MC 63", size 64 GiB, layout dimm, scrub rate 12.2
                     MiB/s
        scrubbing    a full pass takes 1 h 29 min
        counts       kept since 2025-10-20T06:02:00Z (400 d ago), with what the
                     kernel had counted before. Last zeroed: 2026-10-19T02:02:00Z
                     (36 d 4 h ago)
        id            label            size    CE  UE
        mc-63/dimm2   S63D2            32 GiB   1   0
        mc-63/noinfo  (no DIMM known)           0   0
        mc-63/total   (controller)              1   0
      not listed: 2045 DIMMs without errors, among them all of 62 controllers (--all
      lists them)
      scrubbing    cxl_mem0: scrub0 in the background on, a full pass takes 12 h;
                   ecs_fru0 counts code words, and reports from 256 errors per Gbit
                   on; mem_repair0 offers ppr
      cxl memory   mem0: 256 GiB volatile, 0 B persistent, node 1, firmware 1.4.2
      lost pages   12 KiB are marked as bad because of errors
                   memory_failure() on node0: 3 total, 1 failed, 2 recovered
      mce          polled at least every 300 s
                   cmci_disabled is set
    "#);
    let all = status(&view, &Style { colour: false, all: true });
    let dimms = all.lines().filter(|line| line.contains("32 GiB")).count();
    assert_eq!(dimms, 64 * 32);
    assert!(!all.contains("not listed"));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let view = testing::server();
    let colourful = status(&view, &Style { colour: true, all: false });
    let mut plain = String::new();
    let mut rest = colourful.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, status(&view, &PLAIN));
}
