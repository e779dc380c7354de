-- Users, their roles in organisations, and tokens. No event tells of them.

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL
) WITHOUT ROWID;

-- role: reader, member, owner.
CREATE TABLE roles (
    user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    org TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (user, org)
) WITHOUT ROWID;
CREATE INDEX roles_by_org ON roles (org, user);

-- owner: a user's name, or `operator`, which no user is called. hash: SHA-256 of the secret, which is not kept.
-- used: as last noted, at most once an hour.
CREATE TABLE tokens (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    used INTEGER,
    expires INTEGER,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
