-- What single changes and reports become when they are old: sums of an hour, then of a day, for
-- ever. A bucket begins at a whole hour or day of the wall clock of its rows, in UTC. Each belongs to
-- one boot, so that nothing is added up over a reboot.

-- Changes of a counter.
CREATE TABLE counter_rollup (
  hours INTEGER NOT NULL CHECK (hours IN (1, 24)),
  from_wall_ms INTEGER NOT NULL CHECK (from_wall_ms % (hours * 3600000) = 0),
  series INTEGER NOT NULL REFERENCES series (id),
  boot INTEGER NOT NULL REFERENCES boot (id),
  by INTEGER NOT NULL CHECK (by >= 0),
  -- How many changes, and how many of them began a new life.
  points INTEGER NOT NULL CHECK (points > 0),
  restarts INTEGER NOT NULL CHECK (restarts BETWEEN 0 AND points),
  -- The largest of them.
  max_by INTEGER NOT NULL CHECK (max_by BETWEEN 0 AND by),
  -- The largest sum over all lives after any of them.
  last_total INTEGER NOT NULL CHECK (last_total >= by),
  PRIMARY KEY (hours, from_wall_ms, series, boot)
) STRICT, WITHOUT ROWID;

-- The newest change of each counter, which is never folded.
CREATE TABLE counter_last (
  series INTEGER PRIMARY KEY REFERENCES series (id),
  snapshot INTEGER NOT NULL
) STRICT;
INSERT INTO counter_last SELECT series, MAX(snapshot) FROM counter_point GROUP BY series;

-- Reports of errors.
CREATE TABLE event_rollup (
  hours INTEGER NOT NULL CHECK (hours IN (1, 24)),
  from_wall_ms INTEGER NOT NULL CHECK (from_wall_ms % (hours * 3600000) = 0),
  boot INTEGER NOT NULL REFERENCES boot (id),
  witness TEXT NOT NULL CHECK (witness <> ''),
  class TEXT NOT NULL
    CHECK (class IN ('info', 'corrected', 'deferred', 'uncorrected', 'fatal')),
  what INTEGER NOT NULL REFERENCES wording (id),
  place INTEGER NOT NULL REFERENCES wording (id),
  -- The controller and place whose counter went up with it, joined by a slash; empty if none is known.
  counter INTEGER NOT NULL REFERENCES wording (id),
  -- Rows that were folded, and their sums.
  groups INTEGER NOT NULL CHECK (groups > 0),
  reports INTEGER NOT NULL CHECK (reports >= groups),
  errors INTEGER NOT NULL CHECK (errors >= reports),
  counted INTEGER NOT NULL CHECK (counted BETWEEN 0 AND errors),
  max_errors INTEGER NOT NULL CHECK (max_errors BETWEEN 1 AND errors),
  -- Of the last report, in its boot.
  last_since_boot_ns INTEGER NOT NULL CHECK (last_since_boot_ns >= 0),
  PRIMARY KEY (hours, from_wall_ms, boot, witness, class, what, place, counter)
) STRICT, WITHOUT ROWID;

-- All reports ever taken in, so that no total depends on what is folded.
CREATE TABLE report_total (
  witness TEXT NOT NULL CHECK (witness <> ''),
  class TEXT NOT NULL
    CHECK (class IN ('info', 'corrected', 'deferred', 'uncorrected', 'fatal')),
  reports INTEGER NOT NULL CHECK (reports > 0),
  errors INTEGER NOT NULL CHECK (errors >= reports),
  counted INTEGER NOT NULL CHECK (counted BETWEEN 0 AND errors),
  PRIMARY KEY (witness, class)
) STRICT, WITHOUT ROWID;
INSERT INTO report_total
  SELECT witness, class, SUM(reports), SUM(errors), SUM(counted) FROM event GROUP BY witness, class;

-- How many columns of other rows name a text. One that none names is deleted with the next bite.
CREATE TABLE wording_use (
  wording INTEGER PRIMARY KEY REFERENCES wording (id),
  uses INTEGER NOT NULL CHECK (uses >= 0)
) STRICT;
CREATE INDEX wording_unused ON wording_use (wording) WHERE uses = 0;
INSERT INTO wording_use
  SELECT id, COUNT(*) FROM (
    SELECT what AS id FROM event UNION ALL SELECT place FROM event
    UNION ALL SELECT message FROM event UNION ALL SELECT detail FROM event
  ) GROUP BY id;

-- Stretches of coverage that were too many to keep one by one. Their lengths add up to what they were;
-- of a stretch over midnight each day has its share.
CREATE TABLE coverage_day (
  from_wall_ms INTEGER NOT NULL CHECK (from_wall_ms % 86400000 = 0),
  boot INTEGER NOT NULL REFERENCES boot (id),
  covered_ns INTEGER NOT NULL CHECK (covered_ns >= 0),
  -- Stretches that began in it.
  stretches INTEGER NOT NULL CHECK (stretches >= 0),
  PRIMARY KEY (from_wall_ms, boot)
) STRICT, WITHOUT ROWID;

-- What was folded so far, by kind.
CREATE TABLE folding (
  what TEXT PRIMARY KEY
    CHECK (what IN ('changes', 'change_hours', 'reports', 'open_reports', 'report_hours', 'losses',
                    'source_states', 'stretches', 'texts', 'facts')),
  rows INTEGER NOT NULL CHECK (rows > 0),
  -- No row from this moment on was folded.
  until_wall_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deleting a snapshot asks for its facts.
CREATE INDEX fact_snapshot ON fact (snapshot);
-- What the kernel log told in a boot is asked for whenever the agent starts.
CREATE INDEX event_from_log ON event (run, last_since_boot_ns)
  WHERE substr(witness, 1, 4) = 'log_';
-- What became of pages is asked for by itself, and few reports tell of it.
CREATE INDEX event_of_pages ON event (id) WHERE witness IN ('memory_failure', 'log_memory_failure');
