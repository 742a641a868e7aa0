-- From version 2 to version 3: facts that no source tells have none, and exposures.

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
