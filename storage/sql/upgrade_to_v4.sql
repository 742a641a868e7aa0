-- From version 3 to version 4: more can happen to a history. What is new besides is created by the
-- files that a fresh database is created from.

ALTER TABLE incident RENAME TO incident_of_version_3;
CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('file_replaced', 'writes_failed', 'upgraded', 'salvaged', 'folded',
                                  'vanished')),
  -- file_replaced: where the corrupt file was moved to. Otherwise a sentence.
  detail TEXT NOT NULL
) STRICT;
INSERT INTO incident SELECT id, wall_ms, kind, detail FROM incident_of_version_3;
DROP TABLE incident_of_version_3;
