-- From version 1 to version 2: what schema.sql has more.

-- A text that many rows share.
CREATE TABLE wording (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- Reports of errors by one witness within one second that agree in class, place, page and syndrome.
-- Append only.
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES agent_run (id),
  -- The first report, by the wall clock of the moment it was read.
  first_wall_ms INTEGER NOT NULL,
  first_since_boot_ns INTEGER NOT NULL CHECK (first_since_boot_ns >= 0),
  last_since_boot_ns INTEGER NOT NULL,
  witness TEXT NOT NULL CHECK (witness <> ''),
  class TEXT NOT NULL
    CHECK (class IN ('info', 'corrected', 'deferred', 'uncorrected', 'fatal')),
  -- JSON, as the API shows it.
  what INTEGER NOT NULL REFERENCES wording (id),
  place INTEGER NOT NULL REFERENCES wording (id),
  -- The controller and place whose counter went up with it.
  controller INTEGER REFERENCES controller (id),
  counter_place TEXT CHECK (counter_place <> ''),
  -- Physical address: the 64 bits as a signed number.
  address INTEGER,
  grain_bits INTEGER CHECK (grain_bits BETWEEN 0 AND 255),
  syndrome INTEGER,
  reports INTEGER NOT NULL CHECK (reports > 0),
  errors INTEGER NOT NULL CHECK (errors >= reports),
  -- Of the errors, those that no earlier row told of; same_as is a row that told of others, if it
  -- was not folded into another one.
  counted INTEGER NOT NULL CHECK (counted BETWEEN 0 AND errors),
  same_as INTEGER,
  message INTEGER NOT NULL REFERENCES wording (id),
  detail INTEGER NOT NULL REFERENCES wording (id),
  -- What was given up to keep few rows.
  folded TEXT NOT NULL CHECK (folded IN ('nothing', 'syndromes', 'pages')),
  CHECK (last_since_boot_ns >= first_since_boot_ns),
  CHECK ((controller IS NULL) = (counter_place IS NULL)),
  CHECK (same_as < id)
) STRICT;
CREATE INDEX event_wall ON event (first_wall_ms);
-- The reports of one stick, newest first: ids grow with runs.
CREATE INDEX event_place ON event (controller, counter_place, run) WHERE controller IS NOT NULL;

-- Reports that never reached the table above. Append only.
CREATE TABLE event_loss (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES agent_run (id),
  wall_ms INTEGER NOT NULL,
  lost INTEGER NOT NULL CHECK (lost >= 0),
  undecodable INTEGER NOT NULL CHECK (undecodable >= 0),
  CHECK (lost + undecodable > 0)
) STRICT;

-- How many of the errors a counter counted were also reported one by one.
CREATE TABLE witnessed (
  series INTEGER PRIMARY KEY REFERENCES series (id),
  errors INTEGER NOT NULL CHECK (errors >= 0),
  -- Counted while nobody listened: before the agent started, or without trace events.
  unheard INTEGER NOT NULL CHECK (unheard >= 0)
) STRICT;

-- The registry of bad pages. No row is ever deleted.
CREATE TABLE bad_page (
  -- The first byte of the page.
  physical_address INTEGER PRIMARY KEY CHECK (physical_address = pfn * page_size_bytes),
  -- Page 0 stands for an unknown address.
  pfn INTEGER NOT NULL CHECK (pfn > 0),
  page_size_bytes INTEGER NOT NULL CHECK (page_size_bytes > 0),
  -- The gravest one given; page_type and result are those of a memory failure.
  reason TEXT NOT NULL
    CHECK (reason IN ('admin_marked', 'imported', 'corrected_threshold', 'collected_by_kernel',
                      'soft_offline', 'hard_offline', 'memory_failure')),
  page_type TEXT,
  result TEXT CHECK (result IN ('ignored', 'failed', 'delayed', 'recovered', 'unknown')),
  dimm TEXT CHECK (dimm <> ''),
  first_seen_wall_ms INTEGER NOT NULL,
  -- Last reported, or last found marked after not being so.
  last_seen_wall_ms INTEGER NOT NULL,
  boots_survived INTEGER NOT NULL CHECK (boots_survived BETWEEN 0 AND 4294967295),
  -- The boot that state is of.
  boot INTEGER NOT NULL REFERENCES boot (id),
  state TEXT NOT NULL CHECK (state IN ('offline_now', 'not_offline_now', 'unknown')),
  CHECK ((reason = 'memory_failure') = (page_type IS NOT NULL)),
  CHECK ((page_type IS NULL) = (result IS NULL))
) STRICT;

-- Pages that the kernel was asked to take out of use. Written before it is asked, so that no crash
-- makes the budgets forget one. No row is ever deleted.
CREATE TABLE page_request (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES agent_run (id),
  wall_ms INTEGER NOT NULL,
  -- The first byte of the page: the 64 bits as a signed number.
  address INTEGER NOT NULL CHECK (address <> 0),
  -- NULL until the answer came, and for good if nobody lived to hear it.
  answer TEXT CHECK (answer IN ('done', 'failed', 'not_asked')),
  errno INTEGER,
  CHECK ((answer IS 'failed') = (errno IS NOT NULL))
) STRICT;
CREATE INDEX page_request_address ON page_request (address);

-- A stick of memory under the key it keeps for good, as last seen, with the errors counted at its
-- places while it was there.
CREATE TABLE module (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  slot TEXT,
  bank TEXT,
  serial TEXT,
  part TEXT,
  manufacturer TEXT,
  size_bytes INTEGER CHECK (size_bytes >= 0),
  -- Whether SMBIOS listed it.
  listed INTEGER NOT NULL CHECK (listed IN (0, 1)),
  identity TEXT NOT NULL CHECK (identity IN ('serial', 'shared_serial', 'slot', 'place')),
  confidence TEXT NOT NULL
    CHECK (confidence IN ('unknown', 'by_position', 'by_label', 'verified')),
  evidence TEXT NOT NULL,
  since_wall_ms INTEGER NOT NULL,
  -- When it was found to be replaced or removed.
  ended_wall_ms INTEGER,
  correctable INTEGER NOT NULL CHECK (correctable >= 0),
  uncorrectable INTEGER NOT NULL CHECK (uncorrectable >= 0),
  -- Passes that found counters at its places begun anew.
  restarts INTEGER NOT NULL CHECK (restarts >= 0),
  last_error_wall_ms INTEGER,
  CHECK (identity NOT IN ('serial', 'shared_serial') OR serial IS NOT NULL),
  CHECK ((correctable + uncorrectable > 0) = (last_error_wall_ms IS NOT NULL))
) STRICT;

-- Where the errors of a stick are counted.
CREATE TABLE module_place (
  module INTEGER NOT NULL REFERENCES module (id),
  controller INTEGER NOT NULL REFERENCES controller (id),
  place TEXT NOT NULL CHECK (place <> ''),
  PRIMARY KEY (module, controller, place)
) STRICT, WITHOUT ROWID;

-- Every turn in the life of a stick. Append only.
CREATE TABLE module_turn (
  snapshot INTEGER NOT NULL REFERENCES snapshot (id),
  module INTEGER NOT NULL REFERENCES module (id),
  what TEXT NOT NULL
    CHECK (what IN ('new', 'identified', 'moved', 'returned', 'swapped_in', 'replaced', 'removed',
                    'regrouped')),
  -- The slot it came from, or the key of the stick before or after it.
  detail TEXT NOT NULL,
  PRIMARY KEY (snapshot, module)
) STRICT, WITHOUT ROWID;
