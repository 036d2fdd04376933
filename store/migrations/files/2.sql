-- Trees may lie in one another: a file has one path, from the root of the machine on, whatever tree it was marked in.
ALTER TABLE lock RENAME TO old_lock;
ALTER TABLE property RENAME TO old_property;
ALTER TABLE file RENAME TO old_file;
DROP INDEX lock_path;
DROP INDEX lock_until;
DROP INDEX file_folder;
DROP INDEX file_octets;

-- What a tree's name and a path in it are together; two blobs joined are not one yet.
CREATE TEMP VIEW moved AS
  SELECT id, CASE WHEN tree = x'2f' THEN path WHEN path = x'2f' THEN tree ELSE CAST(tree || path AS BLOB) END AS path
  FROM old_file WHERE substr(tree, 1, 1) = x'2f';

CREATE TABLE lock (
  token TEXT PRIMARY KEY,
  path BYTEA NOT NULL,
  deep INTEGER NOT NULL,
  exclusive INTEGER NOT NULL,
  person TEXT,                        -- NULL where nobody was known
  owner BYTEA NOT NULL,               -- what that person wants others to know
  until BIGINT NOT NULL               -- nanoseconds since 1970
);
CREATE INDEX lock_path ON lock (path);
CREATE INDEX lock_until ON lock (until);
INSERT INTO lock
  SELECT token, CASE WHEN tree = x'2f' THEN path WHEN path = x'2f' THEN tree ELSE CAST(tree || path AS BLOB) END,
    deep, exclusive, person, owner, until
  FROM old_lock WHERE substr(tree, 1, 1) = x'2f' ORDER BY rowid;

-- What has properties.
CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  path BYTEA NOT NULL UNIQUE,
  folder BYTEA,                       -- the path of what it is directly in; NULL of the root
  octets BIGINT NOT NULL              -- of its path and its properties
);
CREATE INDEX file_folder ON file (folder);
CREATE INDEX file_octets ON file (path, octets);
INSERT INTO file SELECT min(id), path, NULL, 0 FROM moved GROUP BY path;
-- Its path up to the last slash.
UPDATE file SET folder = (
  WITH RECURSIVE last (slash) AS (
    SELECT length(path)
    UNION ALL SELECT slash - 1 FROM last WHERE substr(path, slash, 1) <> x'2f'
  )
  SELECT CASE min(slash) WHEN 1 THEN x'2f' ELSE substr(path, 1, min(slash) - 1) END FROM last
) WHERE path <> x'2f';

CREATE TABLE property (
  file BIGINT NOT NULL REFERENCES file (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL,
  local TEXT NOT NULL,
  content BYTEA NOT NULL,
  PRIMARY KEY (file, namespace, local)
);
-- Of what was marked in two trees, what was marked later counts.
INSERT OR REPLACE INTO property
  SELECT file.id, namespace, local, content
  FROM moved JOIN file ON file.path = moved.path JOIN old_property ON old_property.file = moved.id
  ORDER BY moved.id;
UPDATE file SET octets = length(path) + (
  SELECT coalesce(sum(length(CAST(namespace AS BLOB)) + length(CAST(local AS BLOB)) + length(content) + 64), 0)
  FROM property WHERE property.file = file.id
);

DROP VIEW moved;
DROP TABLE old_property;
DROP TABLE old_file;
DROP TABLE old_lock;
