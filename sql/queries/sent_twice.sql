-- query:   sent_twice
-- purpose: Which files repeat what others said already?
SELECT path, kind, read, accepted, duplicate, void
FROM source_file
WHERE duplicate > 0
ORDER BY duplicate DESC, path
