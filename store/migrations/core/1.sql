-- People. Times are seconds since 1970; octets of hashes are BYTEA.
CREATE TABLE account (
  name TEXT PRIMARY KEY,
  password TEXT,                      -- argon2id, as $argon2id$v=19$...; NULL where no password opens it
  disabled INTEGER NOT NULL DEFAULT 0,
  home TEXT,
  quota BIGINT,
  rights TEXT,
  created BIGINT NOT NULL,
  scram_iterations INTEGER,           -- SCRAM-SHA-256, only where it is switched on
  scram_salt BYTEA,
  scram_stored BYTEA,
  scram_server BYTEA
);

CREATE TABLE membership (
  account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
  team TEXT NOT NULL,
  PRIMARY KEY (account, team)
);

-- What opens an account besides its password: app passwords, tokens, certificates, SSH keys.
CREATE TABLE credential (
  kind TEXT NOT NULL,
  hash BYTEA NOT NULL,                -- SHA-256 of the secret, the DER or the key
  account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
  label TEXT NOT NULL,
  content TEXT,                       -- of an SSH key: its line
  services TEXT NOT NULL DEFAULT '',  -- names between spaces; all where there is none
  created BIGINT NOT NULL,
  used BIGINT,
  PRIMARY KEY (kind, hash),
  UNIQUE (account, kind, label)
);

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  content BYTEA NOT NULL
);
