-- From version 4 to version 5: a boot may have no time.

-- What refers to boots goes on referring to the name.
PRAGMA legacy_alter_table = ON;
ALTER TABLE boot RENAME TO boot_of_version_4;
PRAGMA legacy_alter_table = OFF;
CREATE TABLE boot (
  id INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL UNIQUE CHECK (boot_id = 'unknown' OR length(boot_id) = 36),
  -- By the first wall clock seen in the boot; never changed afterwards. NULL, as when it was last
  -- seen, of one of which a damaged file told no more than the id.
  booted_wall_ms INTEGER,
  last_wall_ms INTEGER,
  last_since_boot_ns INTEGER CHECK (last_since_boot_ns >= 0),
  last_awake_ns INTEGER CHECK (last_awake_ns >= 0),
  kernel_release TEXT,
  kernel_version TEXT,
  ended TEXT NOT NULL CHECK (ended IN ('running', 'clean', 'unclean', 'unknown')),
  evidence TEXT NOT NULL,
  CHECK ((booted_wall_ms IS NULL) = (last_wall_ms IS NULL)),
  CHECK (booted_wall_ms IS NOT NULL OR ended = 'unknown')
) STRICT;
INSERT INTO boot
SELECT id, boot_id, booted_wall_ms, last_wall_ms, last_since_boot_ns, last_awake_ns, kernel_release,
       kernel_version, ended, evidence
FROM boot_of_version_4;
DROP TABLE boot_of_version_4;
CREATE UNIQUE INDEX boot_running ON boot (ended) WHERE ended = 'running';
