-- The history of one host, schema version 5.
--
-- *_wall_ms   milliseconds since the Unix epoch, by the wall clock at that moment (it may step).
-- *_ns        nanoseconds since boot: *_since_boot_ns by CLOCK_BOOTTIME (sleep included),
--             *_awake_ns and zeroed_* by CLOCK_MONOTONIC (sleep excluded).
-- Nothing is ordered by wall time; ids grow in the order in which things were seen.

CREATE TABLE history (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  begun_wall_ms INTEGER NOT NULL
) STRICT;

-- What happened to the history itself.
CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('file_replaced', 'writes_failed', 'upgraded', 'salvaged', 'folded',
                                  'vanished')),
  -- file_replaced: where the corrupt file was moved to. Otherwise a sentence.
  detail TEXT NOT NULL
) STRICT;

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
CREATE UNIQUE INDEX boot_running ON boot (ended) WHERE ended = 'running';

-- One run of the agent within one boot. Without stopped_wall_ms it runs or was cut off.
CREATE TABLE agent_run (
  id INTEGER PRIMARY KEY,
  boot INTEGER NOT NULL REFERENCES boot (id),
  version TEXT NOT NULL,
  interval_ns INTEGER NOT NULL CHECK (interval_ns >= 0),
  started_wall_ms INTEGER NOT NULL,
  started_since_boot_ns INTEGER CHECK (started_since_boot_ns >= 0),
  stopped_wall_ms INTEGER,
  stopped_since_boot_ns INTEGER CHECK (stopped_since_boot_ns >= 0),
  CHECK (stopped_since_boot_ns IS NULL OR stopped_wall_ms IS NOT NULL)
) STRICT;
CREATE INDEX agent_run_boot ON agent_run (boot);

-- Stretches in which passes followed each other as planned. All other time is a gap.
CREATE TABLE coverage (
  run INTEGER NOT NULL REFERENCES agent_run (id),
  from_since_boot_ns INTEGER NOT NULL CHECK (from_since_boot_ns >= 0),
  from_wall_ms INTEGER NOT NULL,
  to_since_boot_ns INTEGER NOT NULL,
  to_wall_ms INTEGER NOT NULL,
  PRIMARY KEY (run, from_since_boot_ns),
  CHECK (to_since_boot_ns >= from_since_boot_ns)
) STRICT, WITHOUT ROWID;

-- A pass in which something changed; all others leave no row.
CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES agent_run (id),
  wall_ms INTEGER NOT NULL,
  since_boot_ns INTEGER CHECK (since_boot_ns >= 0),
  awake_ns INTEGER CHECK (awake_ns >= 0)
) STRICT;
CREATE INDEX snapshot_wall ON snapshot (wall_ms);

-- A memory controller under the key it keeps for good.
CREATE TABLE controller (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  -- N of mcN when last seen; null once another controller was seen there.
  last_index INTEGER UNIQUE CHECK (last_index BETWEEN 0 AND 4294967295),
  name TEXT
) STRICT;

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  controller INTEGER NOT NULL REFERENCES controller (id),
  -- total, noinfo, dimmN, rankN, csrowN or csrowN/chM.
  place TEXT NOT NULL CHECK (place <> ''),
  class TEXT NOT NULL CHECK (class IN ('correctable', 'uncorrectable')),
  since_wall_ms INTEGER NOT NULL,
  UNIQUE (controller, place, class)
) STRICT;

-- The latest reading of each counter, and the sum over all its lives.
CREATE TABLE counter_state (
  series INTEGER PRIMARY KEY REFERENCES series (id),
  boot INTEGER NOT NULL REFERENCES boot (id),
  value INTEGER NOT NULL CHECK (value >= 0),
  zeroed_earliest_ns INTEGER CHECK (zeroed_earliest_ns >= 0),
  zeroed_latest_ns INTEGER,
  -- When value and the window were read.
  read_awake_ns INTEGER CHECK (read_awake_ns >= 0),
  total INTEGER NOT NULL,
  restarts INTEGER NOT NULL CHECK (restarts >= 0),
  -- The lower value, while the kernel shows one that no reset explains; value stays the base.
  fell_to INTEGER CHECK (fell_to >= 0 AND fell_to < value),
  CHECK (total >= value),
  CHECK ((zeroed_earliest_ns IS NULL) = (zeroed_latest_ns IS NULL)),
  CHECK (zeroed_latest_ns >= zeroed_earliest_ns)
) STRICT;

-- Every change of a counter. Append only.
CREATE TABLE counter_point (
  snapshot INTEGER NOT NULL REFERENCES snapshot (id),
  series INTEGER NOT NULL REFERENCES series (id),
  step TEXT NOT NULL
    CHECK (step IN ('first', 'advanced', 'reboot', 'zeroed', 'assumed', 'fell')),
  by INTEGER NOT NULL CHECK (by >= 0),
  -- What the kernel showed, and the sum over all lives after it.
  value INTEGER NOT NULL CHECK (value >= 0),
  total INTEGER NOT NULL CHECK (total >= by),
  PRIMARY KEY (snapshot, series),
  CHECK (step <> 'fell' OR by = 0),
  CHECK (step <> 'first' OR by = total)
) STRICT, WITHOUT ROWID;

-- The state of each source at the start of a run and whenever it changes.
CREATE TABLE source_state (
  snapshot INTEGER NOT NULL REFERENCES snapshot (id),
  source TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('ok', 'partial', 'absent', 'unreadable', 'malformed', 'off')),
  reason_kind TEXT,
  reason TEXT,
  PRIMARY KEY (snapshot, source),
  CHECK ((state IN ('ok', 'off')) = (reason_kind IS NULL)),
  CHECK ((reason_kind IS NULL) = (reason IS NULL))
) STRICT, WITHOUT ROWID;

-- Every change of a fact. Append only.
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

-- The wall clock jumped against the boot clock. The snapshot tells when.
CREATE TABLE clock_step (
  snapshot INTEGER PRIMARY KEY REFERENCES snapshot (id),
  by_ms INTEGER NOT NULL CHECK (by_ms <> 0)
) STRICT;

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
