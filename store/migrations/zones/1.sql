-- Zones of DNS. Names, records and data are octets in wire form, uncompressed.
CREATE TABLE zone (
  id INTEGER PRIMARY KEY,             -- never the same again, also where the zone is put anew
  origin BYTEA NOT NULL UNIQUE,       -- in small letters
  serial BIGINT NOT NULL,
  seed BYTEA,                         -- digest of what it was taken from last
  records BIGINT NOT NULL,            -- how many it has
  octets BIGINT NOT NULL              -- of its differences
);

CREATE TABLE record (
  zone BIGINT NOT NULL REFERENCES zone (id) ON DELETE CASCADE,
  owner BYTEA NOT NULL,               -- in small letters
  type INTEGER NOT NULL,
  content BYTEA NOT NULL,
  name BYTEA,                         -- the owner as it was written; NULL where it is in small letters
  ttl BIGINT NOT NULL,
  PRIMARY KEY (zone, owner, type, content)
) WITHOUT ROWID;

-- What changed last, in this order.
CREATE TABLE difference (
  zone BIGINT NOT NULL REFERENCES zone (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  before BIGINT NOT NULL,             -- serials
  after BIGINT NOT NULL,
  removed BYTEA NOT NULL,             -- records one after another, the SOA first
  added BYTEA NOT NULL,
  octets BIGINT NOT NULL,
  PRIMARY KEY (zone, number)
);
CREATE INDEX difference_before ON difference (zone, before);
