-- Alerts: what lasts of what was found, who was told, and what somebody said is known.
--
-- *_ms without wall: milliseconds by the clock of the book, which never goes backwards.

CREATE TABLE alert_clock (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  book_ms INTEGER NOT NULL CHECK (book_ms >= 0),
  -- The host's clocks at that moment.
  boot_id TEXT NOT NULL CHECK (boot_id = 'unknown' OR length(boot_id) = 36),
  since_boot_ns INTEGER CHECK (since_boot_ns >= 0),
  awake_ns INTEGER CHECK (awake_ns >= 0),
  wall_ms INTEGER NOT NULL
) STRICT;

-- Those that are pending, fire, or were resolved lately.
CREATE TABLE alert (
  code TEXT NOT NULL CHECK (code <> ''),
  subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
  -- Of that state.
  since_ms INTEGER NOT NULL CHECK (since_ms >= 0),
  since_wall_ms INTEGER NOT NULL,
  -- Of one that is pending: from when on it counts.
  from_ms INTEGER CHECK (from_ms >= since_ms),
  -- Of one that is resolved: when it began to fire.
  fired_ms INTEGER CHECK (fired_ms BETWEEN 0 AND since_ms),
  fired_wall_ms INTEGER,
  -- Of one that fires.
  level TEXT CHECK (level IN ('ok', 'unknown', 'watch', 'plan', 'act')),
  lower_from_ms INTEGER CHECK (lower_from_ms >= since_ms),
  gone_from_ms INTEGER CHECK (gone_from_ms >= since_ms),
  told_ms INTEGER CHECK (told_ms >= since_ms),
  told_wall_ms INTEGER,
  told_level TEXT CHECK (told_level IN ('ok', 'unknown', 'watch', 'plan', 'act')),
  -- The worst it was ever told to be.
  told_worst TEXT CHECK (told_worst IN ('ok', 'unknown', 'watch', 'plan', 'act')),
  reminders INTEGER CHECK (reminders >= 0),
  -- What was seen last (JSON), and in which boot.
  seen TEXT NOT NULL,
  seen_boot_id TEXT NOT NULL CHECK (seen_boot_id = 'unknown' OR length(seen_boot_id) = 36),
  -- Why it could not be looked at.
  held TEXT,
  PRIMARY KEY (code, subject),
  CHECK ((state = 'pending') = (from_ms IS NOT NULL)),
  CHECK ((state = 'resolved') = (fired_ms IS NOT NULL)),
  CHECK ((fired_ms IS NULL) = (fired_wall_ms IS NULL)),
  CHECK ((state = 'firing') = (level IS NOT NULL)),
  CHECK (state = 'firing' OR (lower_from_ms IS NULL AND gone_from_ms IS NULL AND told_ms IS NULL)),
  CHECK ((told_ms IS NULL) = (told_wall_ms IS NULL)),
  CHECK ((told_ms IS NULL) = (told_level IS NULL)),
  CHECK ((told_ms IS NULL) = (told_worst IS NULL)),
  CHECK ((told_ms IS NULL) = (reminders IS NULL))
) STRICT, WITHOUT ROWID;

-- What became of them, in order.
CREATE TABLE alert_turn (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  code TEXT NOT NULL CHECK (code <> ''),
  subject TEXT NOT NULL,
  what TEXT NOT NULL
    CHECK (what IN ('fired', 'raised', 'lowered', 'held', 'released', 'resolved', 'acknowledged',
                    'ack_expired', 'ack_reraised', 'ack_withdrawn', 'ack_replaced')),
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'unknown', 'watch', 'plan', 'act')),
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX alert_turn_of ON alert_turn (code, subject, what);

CREATE TABLE ack (
  id INTEGER PRIMARY KEY,
  -- Names what it came by, so that it is not taken in twice.
  request TEXT NOT NULL CHECK (request <> ''),
  code TEXT NOT NULL CHECK (code <> ''),
  subject TEXT NOT NULL,
  by TEXT NOT NULL CHECK (by <> ''),
  -- The user who wrote it, by the word of the kernel.
  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),
  reason TEXT NOT NULL CHECK (reason <> ''),
  given_ms INTEGER NOT NULL CHECK (given_ms >= 0),
  given_wall_ms INTEGER NOT NULL,
  -- One of the two: a date, or a span from when it was given.
  until_wall_ms INTEGER,
  span_ms INTEGER CHECK (span_ms >= 0),
  -- How bad it was, how many errors there were, and how many there may be.
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'unknown', 'watch', 'plan', 'act')),
  count INTEGER CHECK (count >= 0),
  baseline INTEGER CHECK (baseline >= 0),
  ended TEXT CHECK (ended IN ('expired', 'reraised', 'withdrawn', 'replaced')),
  ended_wall_ms INTEGER,
  ended_why TEXT,
  UNIQUE (request, code, subject),
  CHECK ((until_wall_ms IS NULL) <> (span_ms IS NULL)),
  CHECK ((ended IS NULL) = (ended_wall_ms IS NULL)),
  CHECK ((ended IS NULL) = (ended_why IS NULL))
) STRICT;
-- At most one holds of each alert.
CREATE UNIQUE INDEX ack_holds ON ack (code, subject) WHERE ended IS NULL;

-- Notices that wait for their receivers. A row is deleted when its receiver has taken the notice, or
-- when it is given up, which the ledger tells.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  receiver TEXT NOT NULL CHECK (receiver <> ''),
  made_ms INTEGER NOT NULL CHECK (made_ms >= 0),
  -- JSON.
  notice TEXT NOT NULL
) STRICT;
