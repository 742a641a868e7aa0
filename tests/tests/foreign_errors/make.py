"""Makes databases as releases of rasdaemon lay them out, with SQLite's own library.

make.py FILE RELEASE    RELEASE is old, middle or new, or a file with CREATE TABLE statements
"""

import sqlite3
import sys

MC = ("timestamp TEXT, err_count INTEGER, err_type TEXT, err_msg TEXT, label TEXT, mc INTEGER, "
      "top_layer INTEGER, middle_layer INTEGER, lower_layer INTEGER, address INTEGER, "
      "grain INTEGER, syndrome INTEGER, driver_detail TEXT")
MCE_NEW = ", ppin INTEGER, microcode INTEGER"
MCE = ("timestamp TEXT, mcgcap INTEGER, mcgstatus INTEGER, status INTEGER, addr INTEGER, "
       "misc INTEGER, cpu INTEGER, socketid INTEGER, bank INTEGER, cpuvendor INTEGER, "
       "bank_name TEXT, error_msg TEXT, mcastatus_msg TEXT, mc_location TEXT")
TABLES = {
    "old": {"mc_event": MC, "mce_record": MCE, "aer_event": "timestamp TEXT, err_msg TEXT"},
    "middle": {"mc_event": MC, "mce_record": MCE, "aer_event": "timestamp TEXT, err_msg TEXT",
               "memory_failure_event": "timestamp TEXT, pfn TEXT, page_type TEXT, action_result TEXT",
               "extlog_event": "timestamp TEXT, etype INTEGER, error_count INTEGER, "
                               "severity INTEGER, address INTEGER, fru_text TEXT"},
}
TABLES["new"] = {**TABLES["middle"], "mce_record": MCE + MCE_NEW,
                 "cxl_dram_event": "timestamp TEXT, memdev TEXT, serial INTEGER, log_type TEXT, "
                                   "dpa INTEGER, descriptor INTEGER, hpa INTEGER",
                 "cxl_poison_event": "timestamp TEXT, memdev TEXT, serial INTEGER, "
                                     "trace_type TEXT, source TEXT, hpa INTEGER",
                 "signal_event": "timestamp TEXT, sig INTEGER"}

# Central European time: the clock is put back between the second and the third row, so that their
# texts are in the wrong order.
ROWS = {
    "mc_event": [
        dict(timestamp="2026-10-25 02:10:00 +0200", err_count=5, err_type="Corrected",
             err_msg="memory read error", label="CPU_SrcID#0_MC#0_Chan#1_DIMM#0", mc=0,
             top_layer=0, middle_layer=1, lower_layer=-1, address=0x3f1ac0000, grain=12,
             syndrome=0, driver_detail="err_code:0101:0091"),
        dict(timestamp="2026-10-25 02:50:00 +0200", err_count=1, err_type="Corrected",
             err_msg="memory read error", label="CPU_SrcID#0_MC#0_Chan#1_DIMM#0", mc=0,
             top_layer=0, middle_layer=1, lower_layer=-1, address=0x3f1ac0040, grain=12,
             syndrome=7, driver_detail=""),
        dict(timestamp="2026-10-25 02:20:00 +0100", err_count=0, err_type="Corrected",
             err_msg="memory scrubbing error", label="CPU_SrcID#0_MC#0_Chan#1_DIMM#0", mc=0,
             top_layer=0, middle_layer=1, lower_layer=-1, address=0, grain=12, syndrome=0,
             driver_detail=""),
        dict(timestamp="2026-10-25 09:00:00 +0100", err_count=2, err_type="Uncorrected",
             err_msg="memory read error", label="any memory", mc=1, top_layer=-1, middle_layer=-1,
             lower_layer=-1, address=-0x1000, grain=0, syndrome=0, driver_detail=""),
        # A clock of a year to come, as one release told (mchehab/rasdaemon#9).
        dict(timestamp="2449-01-01 00:00:00 +0000", err_count=4, err_type="Corrected",
             err_msg="memory read error", label="any memory", mc=1, top_layer=-1, middle_layer=-1,
             lower_layer=-1, address=0, grain=0, syndrome=0, driver_detail=""),
        dict(timestamp="2026-10-25 10:00:00 +0100", err_type="Of another kind", mc=1),
    ],
    # Three corrected errors of memory on Intel, and a corrected one of a memory controller of AMD.
    "mce_record": [
        dict(timestamp="2026-10-25 02:10:00 +0200", mcgcap=0x1c09, mcgstatus=0,
             status=0x8c0000c000010091 - (1 << 64), addr=0x3f1ac0000, misc=0x86, cpu=4, socketid=1,
             bank=8, cpuvendor=0, error_msg="Corrected error", mc_location="memory_channel=1"),
        dict(timestamp="2026-10-25 03:10:00 +0100", mcgcap=0x11c, mcgstatus=0,
             status=0x9c2040000000011b - (1 << 64), addr=0x1000, misc=0, cpu=1, socketid=0,
             bank=17, cpuvendor=2, bank_name="Unified Memory Controller (bank=17)",
             error_msg="DRAM ECC error."),
        # Of the same controller, and not of DRAM: extended code 3.
        dict(timestamp="2026-10-25 03:20:00 +0100", mcgcap=0x11c, mcgstatus=0,
             status=0x9c2040000003011b - (1 << 64), addr=0x1000, misc=0, cpu=1, socketid=0,
             bank=17, cpuvendor=2, bank_name="Unified Memory Controller (bank=17)",
             error_msg="Advanced peripheral bus error."),
    ],
    "memory_failure_event": [
        dict(timestamp="2026-10-25 09:00:01 +0100", pfn="0x3f1ac0", page_type="dirty LRU page",
             action_result="Recovered"),
    ],
    "extlog_event": [
        dict(timestamp="2026-10-25 09:00:02 +0100", etype=3, error_count=17, severity=0,
             address=0x3f1ac0000, fru_text="CPU1_DIMM_A1"),
    ],
    "cxl_dram_event": [
        dict(timestamp="2026-10-25 09:00:03 +0100", memdev="mem0", serial=7,
             log_type="Informational", dpa=0x100, descriptor=2, hpa=-1),
    ],
    "cxl_poison_event": [
        dict(timestamp="2026-10-25 09:00:04 +0100", memdev="mem0", serial=7, trace_type="Inject",
             source="Injected", hpa=0x100000),
    ],
    "aer_event": [dict(timestamp="2026-10-25 09:00:05 +0100"), dict()],
    "signal_event": [dict(timestamp="2026-10-25 09:00:06 +0100")],
}


def main():
    path, release = sys.argv[1:]
    db = sqlite3.connect(path)
    if release in TABLES:
        for name, columns in TABLES[release].items():
            db.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {columns})")
    else:
        with open(release, encoding="utf-8") as file:
            db.executescript(file.read())
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        has = {column[1] for column in db.execute(f"PRAGMA table_info({name})")}
        for row in ROWS.get(name, []):
            row = {column: value for column, value in row.items() if column in has}
            names, marks = ", ".join(row) or "id", ", ".join("?" * len(row)) or "NULL"
            db.execute(f"INSERT INTO {name} ({names}) VALUES ({marks})", list(row.values()))
    db.commit()


main()
