-- From version 2 to version 3: facts that no source tells have none, exposures, and boots that other
-- tools remember.

ALTER TABLE fact RENAME TO fact_of_version_2;
CREATE TABLE fact (
  name TEXT NOT NULL CHECK (name <> ''),
  -- What it is about; empty for the host.
  subject TEXT NOT NULL,
  snapshot INTEGER NOT NULL REFERENCES snapshot (id),
  -- NULL for what no source tells: how the agent fares, and what it concluded.
  source TEXT,
  state TEXT NOT NULL CHECK (state IN ('ok', 'absent', 'unreadable', 'malformed', 'gone')),
  value TEXT,
  reason TEXT,
  PRIMARY KEY (name, subject, snapshot),
  CHECK ((state = 'ok') = (value IS NOT NULL)),
  CHECK ((state IN ('absent', 'unreadable', 'malformed')) = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO fact
SELECT name, subject, snapshot,
       CASE WHEN name IN ('events.path', 'module.places') THEN NULL ELSE source END,
       state, value, reason
FROM fact_of_version_2;
DROP TABLE fact_of_version_2;

-- A vulnerability that an installed kernel fixed and the running one had. Append only.
CREATE TABLE exposure (
  id INTEGER PRIMARY KEY,
  cve TEXT NOT NULL CHECK (cve GLOB 'CVE-*'),
  -- The first version that fixes it, in the order of its package manager.
  fix_version TEXT NOT NULL CHECK (fix_version <> ''),
  version_order TEXT NOT NULL CHECK (version_order IN ('deb', 'rpm')),
  -- When that was released, and when a kernel with it was first installed; NULL where nothing told.
  released_unix_s INTEGER,
  installed_unix_s INTEGER,
  -- The pass that first saw it owed.
  first_wall_ms INTEGER NOT NULL,
  boot INTEGER NOT NULL REFERENCES boot (id)
) STRICT;
CREATE INDEX exposure_cve ON exposure (cve);

-- What became of it: a live patch that took effect, its removal, or the boot that ended it. Append
-- only; an exposure ends once.
CREATE TABLE exposure_turn (
  id INTEGER PRIMARY KEY,
  exposure INTEGER NOT NULL REFERENCES exposure (id),
  wall_ms INTEGER NOT NULL,
  boot INTEGER NOT NULL REFERENCES boot (id),
  what TEXT NOT NULL CHECK (what IN ('mitigated', 'unmitigated', 'closed')),
  -- The live patch, or the package version that the boot brought.
  by TEXT NOT NULL
) STRICT;
CREATE INDEX exposure_turn_exposure ON exposure_turn (exposure);
CREATE UNIQUE INDEX exposure_closed ON exposure_turn (exposure) WHERE what = 'closed';

-- One taking in of what another tool remembers of boots. Append only.
CREATE TABLE boot_import (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  memory TEXT NOT NULL CHECK (memory IN ('wtmp', 'wtmpdb', 'tuptime', 'uptimed')),
  -- Its files, relative to the host root, one a line.
  paths TEXT NOT NULL,
  -- Boots it told of; of these, those that were new, and those of which more is known now.
  told INTEGER NOT NULL CHECK (told >= 0),
  added INTEGER NOT NULL CHECK (added >= 0),
  completed INTEGER NOT NULL CHECK (completed >= 0),
  not_understood INTEGER NOT NULL CHECK (not_understood >= 0),
  CHECK (added + completed <= told)
) STRICT;

-- A boot as another tool remembers it. No row is ever deleted, and none is joined with what the
-- agent saw itself: that is done when they are read.
CREATE TABLE imported_boot (
  id INTEGER PRIMARY KEY,
  -- The first that told of it.
  import INTEGER NOT NULL REFERENCES boot_import (id),
  memory TEXT NOT NULL CHECK (memory IN ('wtmp', 'wtmpdb', 'tuptime', 'uptimed')),
  booted_wall_ms INTEGER NOT NULL,
  ended_wall_ms INTEGER CHECK (ended_wall_ms >= booted_wall_ms),
  -- As the tool measured it, sleep included, and the part asleep.
  lasted_s INTEGER CHECK (lasted_s >= 0),
  slept_s INTEGER CHECK (slept_s >= 0),
  boot_id TEXT CHECK (length(boot_id) = 36),
  kernel_release TEXT,
  soft_reboots INTEGER NOT NULL CHECK (soft_reboots BETWEEN 0 AND 4294967295),
  ended TEXT NOT NULL CHECK (ended IN ('clean', 'unclean', 'unknown')),
  evidence TEXT NOT NULL
) STRICT;
CREATE INDEX imported_boot_memory ON imported_boot (memory, booted_wall_ms);
