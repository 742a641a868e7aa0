"""Makes databases with SQLite itself, and says what SQLite reads in them.

make.py FOLDER         databases of all kinds, and FOLDER/expected.json
make.py write MODE DB  writes transactions to DB, each sets all its rows, until its input ends
"""

import json
import os
import sqlite3
import struct
import subprocess
import sys
import zlib

INTEGERS = [0, 1, 2, -1, 127, -128, 128, 32767, -32768, 32768, 8388607, -8388608, 8388608,
            2147483647, -2147483648, 2147483648, 140737488355327, -140737488355328,
            140737488355328, 9223372036854775807, -9223372036854775808]
REALS = [0.5, -0.0, 1e300, -2.5, 3.0]
TEXTS = ["", "a", "kernel-core", "Käse \u20ac \U0001f426", "x" * 300, "quote ' and \" and \n"]


def told(value):
    if value is None:
        return "n"
    if isinstance(value, int):
        return "i:%d" % value
    if isinstance(value, float):
        return "r:" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "t:" + value
    return "b:%d:%08x" % (len(value), zlib.adler32(value))


def blob(length, seed):
    return bytes((seed * 31 + at * 7 + (at >> 8)) & 0xFF for at in range(length))


def fill(db, rows):
    db.execute("CREATE TABLE Kinds (a INTEGER, b, [c d] TEXT, `e` BLOB)")
    for at, number in enumerate(INTEGERS):
        db.execute("INSERT INTO Kinds VALUES (?, ?, ?, ?)",
                   (number, number, TEXTS[at % len(TEXTS)], None))
    for real in REALS:
        db.execute("INSERT INTO Kinds VALUES (NULL, ?, '', x'')", (real,))
    db.execute("CREATE TABLE Numbered (x TEXT, -- the , name ( of it\n"
               " id INTEGER PRIMARY KEY AUTOINCREMENT /* , more ) */, size DECIMAL(10, 2), y BLOB,"
               " CHECK (size >= 0), UNIQUE (x, id))")
    db.execute("CREATE TABLE 'Key' ('id' INTEGER, 'name' TEXT, PRIMARY KEY('id' AUTOINCREMENT))")
    db.execute("CREATE TABLE Down (id INTEGER PRIMARY KEY DESC, x)")
    for at in range(rows):
        db.execute("INSERT INTO Numbered (id, x, size, y) VALUES (?, ?, ?, ?)",
                   (at * 3 - 50, "row %d" % at, at, blob(at % 90, at)))
        db.execute("INSERT INTO Key VALUES (?, ?)", (at * 1000003, TEXTS[at % len(TEXTS)]))
        db.execute("INSERT INTO Down VALUES (?, ?)", (rows - at, at))
    # Around every length at which a row begins to overflow, and far beyond.
    page = db.execute("PRAGMA page_size").fetchone()[0]
    db.execute("CREATE TABLE Long (b BLOB)")
    least = (page - 12) * 32 // 255 - 23
    lengths = {0, 1, 100000, 3 * page, page * 10 + 7}
    for middle in (least, page - 35, page, 2 * page, page - 4 + least, 2 * (page - 4) + least):
        lengths.update(range(max(0, middle - 6), middle + 6))
    for length in sorted(lengths):
        db.execute("INSERT INTO Long VALUES (?)", (blob(length, length),))
    db.execute("DELETE FROM Numbered WHERE id % 5 = 0")
    db.execute("DELETE FROM Long WHERE rowid % 4 = 0")
    db.execute("UPDATE Numbered SET x = x || ' changed' WHERE id % 7 = 1")
    db.execute("ALTER TABLE Numbered ADD COLUMN later INTEGER DEFAULT 7")
    db.execute("INSERT INTO Numbered (id, x, size, later) VALUES (1000000, 'last', 1, 8)")
    db.execute("CREATE TABLE Empty (a, b)")
    db.execute("CREATE INDEX Numbered_x ON Numbered (x)")


def leave(path, page, encoding, vacuum, mode, rows):
    """Makes a database in a process that ends as a crash would."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = %d" % page)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA encoding = '%s'" % encoding)
    db.execute("PRAGMA auto_vacuum = %s" % vacuum)
    if mode == "delete":
        db.execute("BEGIN")
        fill(db, rows)
        db.execute("COMMIT")
        db.close()
        return
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("CREATE TABLE Before (a)")
    db.execute("INSERT INTO Before VALUES ('in the file')")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if mode == "restarted":
        # The log begins anew and leaves frames of its first life behind its end.
        for at in range(100):
            db.execute("INSERT INTO Before VALUES (?)", (blob(200, at),))
        db.execute("DELETE FROM Before WHERE rowid > 1")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        db.execute("INSERT INTO Before VALUES ('in the log')")
        os._exit(0)
    db.execute("BEGIN")
    fill(db, rows)
    db.execute("COMMIT")
    db.execute("UPDATE Before SET a = 'in the log'")
    # A transaction that was not committed, of which pages are in the log.
    db.execute("PRAGMA cache_size = 2")
    db.execute("BEGIN")
    db.execute("UPDATE Before SET a = 'never'")
    db.execute("UPDATE Numbered SET x = 'never'")
    os._exit(0)


def expected(path):
    """What SQLite reads, from a copy: it writes to what it opens."""
    copy = path + ".copy"
    for ending in ("", "-wal"):
        if os.path.exists(path + ending):
            with open(path + ending, "rb") as source, open(copy + ending, "wb") as target:
                target.write(source.read())
    db = sqlite3.connect(copy)
    names = [row[0] for row in db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    tables = {}
    for name in names:
        found = db.execute("SELECT * FROM '%s' ORDER BY rowid" % name)
        columns = [column[0] for column in found.description]
        tables[name] = {"columns": columns, "rows": [[told(v) for v in row] for row in found]}
    db.close()
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(copy + ending):
            os.remove(copy + ending)
    return tables


def make(folder):
    cases = []
    for page in (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
        cases.append(("page-%d" % page, page, "UTF-8", "NONE", "delete", 700))
        cases.append(("wal-%d" % page, page, "UTF-8", "NONE", "wal", 300))
    cases.append(("many", 512, "UTF-8", "NONE", "delete", 4000))
    cases.append(("utf16le", 1024, "UTF-16le", "FULL", "delete", 200))
    cases.append(("utf16be", 4096, "UTF-16be", "INCREMENTAL", "wal", 200))
    cases.append(("restarted", 4096, "UTF-8", "NONE", "restarted", 0))
    told = {}
    for name, *how in cases:
        path = os.path.join(folder, name + ".db")
        subprocess.run([sys.executable, __file__, "leave", path] + [str(part) for part in how],
                       check=True)
        told[name] = expected(path)
    with open(os.path.join(folder, "expected.json"), "w") as out:
        json.dump(told, out)


def write(mode, path):
    import select
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    db.execute("PRAGMA page_size = 512")
    db.execute("PRAGMA journal_mode = %s" % mode)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA wal_autocheckpoint = 20")
    db.execute("CREATE TABLE Same (value INTEGER, filling BLOB)")
    db.execute("BEGIN")
    for at in range(400):
        db.execute("INSERT INTO Same VALUES (0, ?)", (blob(60, at),))
    db.execute("COMMIT")
    print("ready", flush=True)
    number = 0
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        number += 1
        db.execute("UPDATE Same SET value = ?", (number * 1000003,))
    print(number, flush=True)


if sys.argv[1] == "leave":
    leave(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6], int(sys.argv[7]))
elif sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3])
else:
    make(sys.argv[1])
