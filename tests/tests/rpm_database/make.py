"""Changes an rpmdb beside rpm.

make.py remove DB NAME VERSION  removes a package as a crash leaves it: in the log alone
make.py fill DB BYTES           adds packages of no interest
"""

import os
import sqlite3
import sys

db = sqlite3.connect(sys.argv[2], isolation_level=None)
db.execute("PRAGMA synchronous = OFF")
if sys.argv[1] == "remove":
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("BEGIN")
    numbers = [number for number, blob in db.execute(
        "SELECT Packages.hnum, blob FROM Packages JOIN Name USING (hnum) WHERE key = ?",
        (sys.argv[3],)) if sys.argv[4].encode() in blob]
    for number in numbers:
        db.execute("DELETE FROM Packages WHERE hnum = ?", (number,))
        tables = [row[0] for row in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%key%hnum%'")]
        for table in tables:
            db.execute("DELETE FROM '%s' WHERE hnum = ?" % table, (number,))
    db.execute("COMMIT")
    print(len(numbers), flush=True)
    os._exit(0)

db.execute("BEGIN")
added = at = 0
while added < int(sys.argv[3]):
    blob = os.urandom(2000 + 13 * (at % 4000))
    number = db.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,)).lastrowid
    db.execute("INSERT INTO Name VALUES (?, ?, 0)", ("filler-%d" % at, number))
    for file in range(40):
        db.execute("INSERT INTO Basenames VALUES (?, ?, ?)", ("file-%d" % file, number, file))
    added += len(blob)
    at += 1
db.execute("COMMIT")
db.close()
