-- Version 4 had no other way to write that a boot has no time.
UPDATE boot SET booted_wall_ms = NULL, last_wall_ms = NULL
WHERE booted_wall_ms = 0 AND last_wall_ms = 0 AND last_since_boot_ns IS NULL AND ended = 'unknown';
