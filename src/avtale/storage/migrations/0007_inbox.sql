-- Inboxes: receivers of our own, and what came to them.

CREATE TABLE inbox (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    received INTEGER NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX inbox_by_name ON inbox (name, position);
