-- What is kept of trees beside their files. A tree is the folder that it is in; that, and the paths in it, are octets.
CREATE TABLE lock (
  token TEXT PRIMARY KEY,
  tree BYTEA NOT NULL,
  path BYTEA NOT NULL,
  deep INTEGER NOT NULL,
  exclusive INTEGER NOT NULL,
  person TEXT,                        -- NULL where nobody was known
  owner BYTEA NOT NULL,               -- what that person wants others to know
  until BIGINT NOT NULL               -- nanoseconds since 1970
);
CREATE INDEX lock_path ON lock (tree, path);
CREATE INDEX lock_until ON lock (until);

-- What has properties.
CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  tree BYTEA NOT NULL,
  path BYTEA NOT NULL,
  folder BYTEA,                       -- the path of what it is directly in; NULL of a tree's root
  octets BIGINT NOT NULL,             -- of its path and its properties
  UNIQUE (tree, path)
);
CREATE INDEX file_folder ON file (tree, folder);
CREATE INDEX file_octets ON file (tree, octets);

CREATE TABLE property (
  file BIGINT NOT NULL REFERENCES file (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL,
  local TEXT NOT NULL,
  content BYTEA NOT NULL,
  PRIMARY KEY (file, namespace, local)
);
