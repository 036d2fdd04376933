-- Who is banned; until when, in seconds since 1970.
CREATE TABLE ban (
  network TEXT PRIMARY KEY,
  until BIGINT NOT NULL,
  times INTEGER NOT NULL,
  why TEXT NOT NULL
);
