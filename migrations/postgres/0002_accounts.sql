-- Users, their roles in organisations, and tokens. No event tells of them.

CREATE TABLE users (
    name text COLLATE "C" PRIMARY KEY,
    created bigint NOT NULL
);

-- role: reader, member, owner.
CREATE TABLE roles (
    "user" text COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    org text COLLATE "C" NOT NULL,
    role text NOT NULL,
    PRIMARY KEY ("user", org)
);
CREATE INDEX roles_by_org ON roles (org, "user");

-- owner: a user's name, or `operator`, which no user is called. hash: SHA-256 of the secret, which is not kept.
-- used: as last noted, at most once an hour. user: the owner, if it is one; the tokens go with it.
CREATE TABLE tokens (
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    "user" text COLLATE "C" GENERATED ALWAYS AS (nullif(owner, 'operator')) STORED REFERENCES users (name) ON DELETE CASCADE,
    hash text COLLATE "C" NOT NULL UNIQUE,
    created bigint NOT NULL,
    used bigint,
    expires bigint,
    PRIMARY KEY (owner, name)
);
CREATE INDEX tokens_by_user ON tokens ("user");
