
-- Facts that matter, each with the hash of the one before it. Append only: what is at stake is not
-- whoever owns the file, who can drop a trigger, but a statement that goes too far; against the
-- owner speaks the chain, of which others hold the head.
CREATE TABLE ledger (
  -- From 1, without a gap.
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  wall_ms INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  -- Canonical JSON (RFC 8785) of all of the row, the two columns above and the hash of the row
  -- before among it.
  line TEXT NOT NULL,
  -- SHA-256 of the bytes of the line.
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER ledger_is_not_updated BEFORE UPDATE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
CREATE TRIGGER ledger_is_not_deleted_from BEFORE DELETE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
-- Also against INSERT OR REPLACE, which deletes without the trigger above.
CREATE TRIGGER ledger_is_continued BEFORE INSERT ON ledger
  WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM ledger)
  BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
