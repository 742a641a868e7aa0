-- Errors that other tools recorded. They are never joined with what the agent counted itself.

-- One taking in of what another tool recorded. Append only.
CREATE TABLE error_import (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  memory TEXT NOT NULL CHECK (memory IN ('rasdaemon', 'mcelog')),
  -- Its files, relative to the host root, one a line.
  paths TEXT NOT NULL,
  -- Records of memory and the errors they tell of; of these, those that were new.
  records INTEGER NOT NULL CHECK (records >= 0),
  errors INTEGER NOT NULL CHECK (errors >= records),
  records_added INTEGER NOT NULL CHECK (records_added BETWEEN 0 AND records),
  errors_added INTEGER NOT NULL CHECK (errors_added BETWEEN 0 AND errors),
  -- JSON: what was left out, how many records, and why.
  left_out TEXT NOT NULL
) STRICT;

-- Records of one hour that agree in all but address and words. No row is ever deleted; it grows
-- when the tool tells of more in that hour.
CREATE TABLE imported_error (
  id INTEGER PRIMARY KEY,
  -- The first that told of it.
  import INTEGER NOT NULL REFERENCES error_import (id),
  memory TEXT NOT NULL CHECK (memory IN ('rasdaemon', 'mcelog')),
  -- The table or log, and the numbers of the first and the last record there.
  origin TEXT NOT NULL CHECK (origin <> ''),
  first_row INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  -- Since the Unix epoch; NULL where no record tells a time that can be.
  hour INTEGER,
  first_wall_ms INTEGER,
  last_wall_ms INTEGER,
  witness TEXT NOT NULL CHECK (witness <> ''),
  class TEXT NOT NULL
    CHECK (class IN ('info', 'corrected', 'deferred', 'uncorrected', 'fatal')),
  -- JSON, as the API shows it.
  what INTEGER NOT NULL REFERENCES wording (id),
  place INTEGER NOT NULL REFERENCES wording (id),
  records INTEGER NOT NULL CHECK (records > 0),
  errors INTEGER NOT NULL CHECK (errors >= records),
  -- Of the first record. An address is the 64 bits as a signed number.
  address INTEGER,
  grain_bits INTEGER CHECK (grain_bits BETWEEN 0 AND 255),
  syndrome INTEGER,
  message INTEGER NOT NULL REFERENCES wording (id),
  detail INTEGER NOT NULL REFERENCES wording (id),
  CHECK (last_row >= first_row),
  CHECK ((hour IS NULL) = (first_wall_ms IS NULL)),
  CHECK ((first_wall_ms IS NULL) = (last_wall_ms IS NULL)),
  CHECK (last_wall_ms >= first_wall_ms)
) STRICT;
-- No record is of the hour before 1970.
CREATE UNIQUE INDEX imported_error_same
  ON imported_error (memory, origin, COALESCE(hour, -1), class, witness, what, place);
